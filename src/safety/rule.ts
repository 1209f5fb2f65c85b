import type { Facts } from './facts.ts';
import type { Context, Edit, Finding, Level, RuleSetVersion, Severity, Workload, WorkloadKind } from './types.ts';
import type { Waivers } from './waivers.ts';

/** What a rule judges. */
export interface RuleInput {
  readonly workload: Workload;
  readonly context: Context;
  /** What several rules need to know, worked out once. */
  readonly facts: Facts;
  /** What the object's annotation says of waivers. */
  readonly waivers: Waivers;
}

/** What a rule is, without what it does. */
export interface RuleText {
  /** `GR101`. */
  readonly code: string;
  /** Short, in lower case with hyphens: `readiness-probe-missing`. */
  readonly name: string;
  readonly title: string;
  /** The lowest level and the worst severity of its findings; a single finding may be milder. */
  readonly level: Level;
  readonly severity: Severity;
  /** The first rule set that has it. */
  readonly since: RuleSetVersion;
  /** `lint --fix` can write its remedy, at least where nothing stands in the way. */
  readonly hasFix: boolean;
  readonly appliesTo: readonly WorkloadKind[];
  /** What happens, and where in Kubernetes that can be read. */
  readonly why: string;
  /** Manifests that the rule has something to say about. YAML. */
  readonly example: string;
  /** What to write or to decide. */
  readonly fixText: string;
}

/**
 * One rule. `check` is pure, total and linear in the size of its input; where it lacks what it needs to know it says
 * nothing. The texts make the reference page (docs/reference/rules.md) and `lint --explain`.
 */
export interface Rule extends RuleText {
  readonly check: (input: RuleInput) => readonly Finding[];
}

/** What the author of a rule writes of a finding; the rest comes from the rule and the workload. */
export interface Remark {
  readonly container?: string;
  readonly field: string;
  /** Without the workload's name, which is put before it. */
  readonly message: string;
  readonly remedy: string;
  readonly fix?: readonly Edit[];
  /** Where milder than the rule's. */
  readonly severity?: Severity;
  readonly level?: Level;
}

/** The findings of one rule on one object; a hundred containers need not be listed. */
const mostFindings = 20;

export function defineRule(text: RuleText, check: (input: RuleInput) => readonly Remark[]): Rule {
  return {
    ...text,
    check: (input) =>
      text.appliesTo.includes(input.workload.kind)
        ? check(input)
            .slice(0, mostFindings)
            .map((remark) => findingOf(text, input.workload, remark))
        : [],
  };
}

/** A finding about a workload, its texts made safe for one line of a warning header. */
function findingOf(text: RuleText, { kind, namespace, name }: Workload, remark: Remark): Finding {
  const where = namespace === undefined ? short(name) : `${short(namespace)}/${short(name)}`;
  return {
    code: text.code,
    severity: remark.severity ?? text.severity,
    level: remark.level ?? text.level,
    object: { kind, ...(namespace === undefined ? {} : { namespace }), name },
    ...(remark.container === undefined ? {} : { container: remark.container }),
    field: line(remark.field),
    message: line(`${where}: ${remark.message}`),
    remedy: line(remark.remedy),
    ...(remark.fix === undefined ? {} : { fix: remark.fix }),
  };
}

/** The API server drops a warning with a control character and cuts it at 256 (net/http warning header). */
const longestLine = 240;

function line(value: string): string {
  return cut(value.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+/gu, ' '), longestLine);
}

/** What others named (a container, a port, an image), short enough to leave room for the rest of the line. */
export function short(value: string): string {
  return cut(value, 63);
}

function cut(value: string, most: number): string {
  if (value.length <= most) return value;
  const points = Array.from(value.slice(0, 2 * most));
  return points.length <= most ? points.join('') : `${points.slice(0, most - 1).join('')}…`;
}
