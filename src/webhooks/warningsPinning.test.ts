import { Counter, Registry } from 'prom-client';
import { beforeEach, expect, test, vi } from 'vitest';
import { manifest } from '../contract/testing/manifests.ts';
import { silentLogger } from '../runtime/index.ts';
import { type Context, judge, RULE_SET_VERSIONS, type RuleSetVersion, workloadOf } from '../safety/index.ts';
import { warningsWebhook } from './warnings.ts';
import { targetRules } from './warningsOfTarget.ts';
import { type PolicyDefaults, parseDefault } from './warningsPolicy.ts';

/*
 * As long as there is one rule set, a pin cannot be seen: here the operator is one release on, with a second set that has
 * a rule more.
 */
vi.mock('../safety/types.ts', async (original) => ({
  ...(await original<object>()),
  RULE_SET_VERSIONS: ['v1', 'v2'],
}));
vi.mock('../safety/registry.ts', async () => {
  const { defineRule } = await import('../safety/rule.ts');
  const versions = await import('../safety/types.ts');
  const newest = versions.RULE_SET_VERSIONS.at(-1) ?? 'v1';
  const rule = (code: string, since: RuleSetVersion) =>
    defineRule(
      {
        code,
        since,
        name: code,
        title: code,
        level: 'baseline',
        severity: 'warning',
        hasFix: false,
        appliesTo: ['Deployment'],
        why: '',
        example: '',
        fixText: '',
      },
      () => [{ field: 'spec', message: `${code} was found`, remedy: 'mend it' }],
    );
  return { RULES: [rule('GR101', 'v1'), rule('GR199', newest)] };
});

const both = ['GR101', 'GR199'];
const version = (name: string): RuleSetVersion => {
  const found = RULE_SET_VERSIONS.find((known) => known === name);
  if (found === undefined) throw new Error(`there is no rule set ${name}`);
  return found;
};
const target = manifest();
const context: Context = {};
let labels: Record<string, string> = {};
let defaults: PolicyDefaults;
const view = {
  synced: () => true,
  contextOf: () => context,
  deployment: () => undefined,
  namespaceLabels: () => labels,
};
const nowMs = () => 0;

beforeEach(() => {
  labels = {};
  defaults = { warn: { level: 'baseline', version: 'latest' }, audit: { level: 'off', version: 'latest' } };
});

/** What the webhook answers to the creation of the target: codes of the warnings, of the refusal, of the audit annotation. */
function answer() {
  const handle = warningsWebhook({
    view,
    defaults,
    exemptUsers: [],
    nowMs,
    decisions: new Counter({ name: 'd', help: 'd', labelNames: ['webhook', 'decision'], registers: [new Registry()] }),
    log: silentLogger,
  });
  const { allowed, warnings, status, auditAnnotations } = handle({
    uid: 'r1',
    kind: { group: 'apps', version: 'v1', kind: 'Deployment' },
    resource: { group: 'apps', version: 'v1', resource: 'deployments' },
    name: 'web',
    namespace: 'shop',
    operation: 'CREATE',
    userInfo: { username: 'alice' },
    object: { ...target },
    oldObject: null,
  });
  const codes = (text = ''): readonly string[] => text.match(/GR\d{3}(?=[: ]|$)/gu) ?? [];
  const known = (found: readonly string[]) => [...new Set(found)].filter((code) => both.includes(code));
  return {
    allowed,
    warned: known((warnings ?? []).flatMap(codes)),
    refused: known(codes(status?.message)),
    audited: known(codes(auditAnnotations?.['findings'])),
  };
}

test('a rule set has its own rules and those of the sets before it; none is the newest', () => {
  const workload = workloadOf(target);
  if (workload === undefined) throw new Error('the target is no workload');
  const codes = (ruleSet?: RuleSetVersion) =>
    judge(workload, context, { level: 'baseline', nowMs: 0, ...(ruleSet === undefined ? {} : { ruleSet }) }).map(
      ({ code }) => code,
    );
  expect(codes(version('v1'))).toEqual(['GR101']);
  expect(codes(version('v2'))).toEqual(both);
  expect(codes()).toEqual(both);
});

test.each([
  ['no label', {}, both],
  ['latest', { 'graceful-rollout.io/warn-version': 'latest' }, both],
  ['v1', { 'graceful-rollout.io/warn-version': 'v1' }, ['GR101']],
  ['v2', { 'graceful-rollout.io/warn-version': 'v2' }, both],
  ['the pin of another mode', { 'graceful-rollout.io/enforce-version': 'v1' }, both],
])('warn-version, %s', (_name, given, warned) => {
  labels = given;
  expect(answer()).toEqual({ allowed: true, warned, refused: [], audited: [] });
});

test('each mode has its own pin: the newer rule is warned of and refuses nothing', () => {
  labels = {
    'graceful-rollout.io/enforce': 'baseline',
    'graceful-rollout.io/enforce-version': 'v1',
    'graceful-rollout.io/audit': 'baseline',
    'graceful-rollout.io/audit-version': 'v1',
  };
  expect(answer()).toEqual({ allowed: false, warned: ['GR199'], refused: ['GR101'], audited: ['GR101'] });
});

test("the cluster's default pins where no label does", () => {
  const pinned = parseDefault('baseline:v1');
  if (pinned === undefined) throw new Error('the default cannot be read');
  defaults = { ...defaults, warn: pinned };
  expect(answer().warned).toEqual(['GR101']);
  labels = { 'graceful-rollout.io/warn-version': 'latest' };
  expect(answer().warned).toEqual(both);
});

test('the status of a GracefulRollout is judged by the same rule set', () => {
  const codes = () =>
    targetRules({ view, defaults, nowMs, log: silentLogger })(target).findings.map(({ code }) => code);
  expect(codes()).toEqual(both);
  labels = { 'graceful-rollout.io/warn-version': 'v1' };
  expect(codes()).toEqual(['GR101']);
});
