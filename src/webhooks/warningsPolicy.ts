import { GROUP } from '../api/index.ts';
import { LEVELS, type Level, RULE_SET_VERSIONS, type RuleSetVersion } from '../safety/index.ts';

/** What findings lead to, after the labels of Pod Security Admission. */
const ADMISSION_MODES = ['warn', 'audit', 'enforce'] as const;
export type AdmissionMode = (typeof ADMISSION_MODES)[number];

/** How one mode judges; undefined: not at all. */
export interface ModePolicy {
  readonly level: Level;
  readonly ruleSet: RuleSetVersion;
}

export type AdmissionPolicy = Readonly<Record<AdmissionMode, ModePolicy | undefined>>;

/**
 * What a namespace without labels gets; from the operator's flags. `latest` follows the operator's version. Nothing is refused
 * without a label that asks for it.
 */
export type PolicyDefaults = Readonly<
  Record<
    Exclude<AdmissionMode, 'enforce'>,
    { readonly level: Level | 'off'; readonly version: RuleSetVersion | 'latest' }
  >
>;

export interface ReadPolicy {
  readonly policy: AdmissionPolicy;
  /** One line for each label that says nothing known; the default holds in its place. */
  readonly problems: readonly string[];
}

/** What a flag says of a mode: `baseline`, `strict:v1`, `off`. Undefined: nothing that is known. */
export function parseDefault(text: string): PolicyDefaults['warn'] | undefined {
  const [levelText, versionText = 'latest', ...more] = text.split(':');
  const level = (['off', ...LEVELS] as const).find((known) => known === levelText);
  const version = (['latest', ...RULE_SET_VERSIONS] as const).find((known) => known === versionText);
  return level === undefined || version === undefined || more.length > 0 ? undefined : { level, version };
}

const LATEST: RuleSetVersion = RULE_SET_VERSIONS.at(-1) ?? RULE_SET_VERSIONS[0];
const OFF: PolicyDefaults['warn'] = { level: 'off', version: 'latest' };
/** A label's value has no more characters. */
const QUOTE_MAX = 63;

/**
 * The policy of a namespace: `graceful-rollout.io/{warn,audit,enforce}: off|baseline|strict` and, to pin the rule set,
 * `…-version: latest|v1|…`. A value that is not known (of a newer operator, or a slip) never makes a policy stricter than
 * the default is. Source: https://kubernetes.io/docs/concepts/security/pod-security-admission/
 */
export function policyOf(labels: Readonly<Record<string, string>>, defaults: PolicyDefaults): ReadPolicy {
  const problems: string[] = [];
  const read = <T extends string>(key: string, known: readonly T[], otherwise: T): T => {
    const label = `${GROUP}/${key}`;
    const value = Object.hasOwn(labels, label) ? labels[label] : undefined;
    if (value === undefined) return otherwise;
    const found = known.find((name) => name === value);
    if (found !== undefined) return found;
    const quoted = value.slice(0, QUOTE_MAX);
    problems.push(
      `the namespace's label ${label} says "${quoted}", known are ${known.join(', ')}: ${otherwise} is used`,
    );
    return otherwise;
  };
  const modeOf = (mode: AdmissionMode): ModePolicy | undefined => {
    const byDefault = mode === 'enforce' ? OFF : defaults[mode];
    const level = read<Level | 'off'>(mode, ['off', ...LEVELS], byDefault.level);
    const version = read<RuleSetVersion | 'latest'>(
      `${mode}-version`,
      ['latest', ...RULE_SET_VERSIONS],
      byDefault.version,
    );
    return level === 'off' ? undefined : { level, ruleSet: version === 'latest' ? LATEST : version };
  };
  return { policy: { warn: modeOf('warn'), audit: modeOf('audit'), enforce: modeOf('enforce') }, problems };
}
