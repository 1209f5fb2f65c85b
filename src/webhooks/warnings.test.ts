import { Counter, Registry } from 'prom-client';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { silentLogger } from '../runtime/index.ts';
import type { Finding, JudgeOptions, Workload } from '../safety/index.ts';
import type { AdmissionRequest } from './admissionReview.ts';
import { warningsWebhook } from './warnings.ts';
import type { PolicyDefaults } from './warningsPolicy.ts';

/** What the rules would say: they have their own tests. */
let findings: readonly Finding[] = [];
const asked: JudgeOptions[] = [];
vi.mock('../safety/index.ts', async (original) => ({
  ...(await original<object>()),
  judge: (_workload: Workload, _context: unknown, options: JudgeOptions) => {
    asked.push(options);
    if (findings.some(({ code }) => code === 'THROW')) throw new Error('a slip');
    return findings.filter(({ level }) => options.level === 'strict' || level === 'baseline');
  },
}));

function finding(code: string, more: Partial<Finding> = {}): Finding {
  return {
    code,
    severity: 'warning',
    level: 'baseline',
    object: { kind: 'Deployment', namespace: 'shop', name: 'web' },
    field: 'spec.replicas',
    message: `shop/web: ${code} is why`,
    remedy: `do ${code}.`,
    ...more,
  };
}

function deployment(spec: object = {}, metadata: object = {}): Record<string, unknown> {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'shop', ...metadata },
    spec: {
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'app', image: 'app:1' }] } },
      ...spec,
    },
  };
}

function request(object: Record<string, unknown> | null, more: Partial<AdmissionRequest> = {}): AdmissionRequest {
  return {
    uid: 'r1',
    kind: { group: 'apps', version: 'v1', kind: 'Deployment' },
    resource: { group: 'apps', version: 'v1', resource: 'deployments' },
    name: 'web',
    namespace: 'shop',
    operation: 'CREATE',
    userInfo: { username: 'alice' },
    object,
    oldObject: null,
    ...more,
  };
}

const update = (
  object: Record<string, unknown>,
  oldObject: Record<string, unknown>,
  more: Partial<AdmissionRequest> = {},
) => request(object, { operation: 'UPDATE', oldObject, ...more });

const off = { level: 'off', version: 'latest' } as const;
const warnOnly: PolicyDefaults = { warn: { level: 'baseline', version: 'latest' }, audit: off };

function webhook(options: { labels?: Record<string, string>; synced?: boolean; defaults?: PolicyDefaults } = {}) {
  const decisions = new Counter({
    name: 'd',
    help: 'd',
    labelNames: ['webhook', 'decision'] as const,
    registers: [new Registry()],
  });
  const handle = warningsWebhook({
    view: {
      synced: () => options.synced ?? true,
      contextOf: () => ({}),
      deployment: () => undefined,
      namespaceLabels: () => options.labels,
    },
    defaults: options.defaults ?? warnOnly,
    exemptUsers: ['system:serviceaccount:graceful-rollout:operator'],
    nowMs: () => 1000,
    decisions,
    log: silentLogger,
  });
  const counted = async () => (await decisions.get()).values.map(({ labels, value }) => [labels.decision, value]);
  return { handle, counted };
}

const silent = { uid: 'r1', allowed: true };

beforeEach(() => {
  findings = [finding('GR101')];
  asked.length = 0;
});

describe('nothing is said', () => {
  const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'u', controller: true };
  test.each<[string, AdmissionRequest]>([
    ['of an unchanged spec', update(deployment({}, { annotations: { a: 'b' } }), deployment())],
    ['of status', update(deployment({ replicas: 3 }), deployment(), { subResource: 'status' })],
    ['of scale', update(deployment({ replicas: 3 }), deployment(), { subResource: 'scale' })],
    ['of a deletion', request(null, { operation: 'DELETE', oldObject: deployment() })],
    ['of a Pod', request(deployment(), { resource: { group: '', version: 'v1', resource: 'pods' } })],
    [
      'of Deployments of another group',
      request(deployment(), { resource: { group: 'x.io', version: 'v1', resource: 'deployments' } }),
    ],
    ['of an object in deletion', request(deployment({}, { deletionTimestamp: '2026-01-01T00:00:00Z' }))],
    [
      'of a ReplicaSet that a Deployment owns',
      request(
        { ...deployment({}, { ownerReferences: [owner] }), kind: 'ReplicaSet' },
        { resource: { group: 'apps', version: 'v1', resource: 'replicasets' } },
      ),
    ],
    ['of an object without a template', request({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: {} })],
    [
      'to the operator',
      request(deployment(), { userInfo: { username: 'system:serviceaccount:graceful-rollout:operator' } }),
    ],
  ])('%s', (_name, asked) => {
    expect(webhook().handle(asked)).toEqual(silent);
  });

  test('before the caches are there', () => {
    expect(webhook({ synced: false }).handle(request(deployment()))).toEqual(silent);
  });

  test('when the rules fail: the write goes through, and it is counted', async () => {
    findings = [finding('THROW')];
    const { handle, counted } = webhook({ labels: { 'graceful-rollout.io/enforce': 'strict' } });
    expect(handle(request(deployment()))).toEqual(silent);
    expect(await counted()).toEqual([['Failed', 1]]);
  });

  test('where the label says off, and the rules are not even asked', () => {
    expect(webhook({ labels: { 'graceful-rollout.io/warn': 'off' } }).handle(request(deployment()))).toEqual(silent);
    expect(asked).toEqual([]);
  });
});

describe('warnings', () => {
  test.each<[string, AdmissionRequest]>([
    ['a Deployment', request(deployment())],
    ['a dry run', request(deployment(), { dryRun: true })],
    ['another template', update(deployment({ minReadySeconds: 1 }), deployment())],
    ['another scale in the object itself', update(deployment({ replicas: 1 }), deployment())],
    ...(['StatefulSet', 'DaemonSet', 'ReplicaSet'] as const).map<[string, AdmissionRequest]>((kind) => [
      `a ${kind}`,
      request(
        { ...deployment(), kind },
        { resource: { group: 'apps', version: 'v1', resource: `${kind.toLowerCase()}s` } },
      ),
    ]),
    [
      'a Rollout of Argo',
      request(
        { ...deployment(), apiVersion: 'argoproj.io/v1alpha1', kind: 'Rollout' },
        { resource: { group: 'argoproj.io', version: 'v1alpha1', resource: 'rollouts' } },
      ),
    ],
  ])('%s', (_name, asked) => {
    expect(webhook().handle(asked)).toEqual({ ...silent, warnings: ['GR101: shop/web: GR101 is why. do GR101.'] });
  });

  test('worst first as the rules give them, at most eight lines, the last says how to see the rest', () => {
    findings = Array.from({ length: 12 }, (_, index) => finding(`GR${101 + index}`));
    const { warnings } = webhook().handle(request(deployment()));
    expect(warnings).toHaveLength(8);
    expect(warnings?.[0]).toContain('GR101');
    expect(warnings?.[6]).toContain('GR107');
    expect(warnings?.[7]).toBe(
      'shop/web: 5 more findings; "kubectl graceful lint -f FILE" or "kubectl graceful audit -n shop" show all',
    );
    findings = findings.slice(0, 8);
    expect(webhook().handle(request(deployment())).warnings?.[7]).toContain('GR108');
  });

  test('a remedy that does not fit is left out rather than cut', () => {
    findings = [finding('GR101', { message: `shop/web: ${'x'.repeat(200)}`, remedy: 'y'.repeat(100) })];
    expect(webhook().handle(request(deployment())).warnings).toEqual([`GR101: shop/web: ${'x'.repeat(200)}`]);
  });

  test('the level and the pin of the namespace decide, and an unknown label is said', () => {
    findings = [finding('GR101'), finding('GR201', { level: 'strict' })];
    const codes = (labels: Record<string, string>) =>
      webhook({ labels })
        .handle(request(deployment()))
        .warnings?.map((line) => line.split(':')[0]);
    expect(codes({})).toEqual(['GR101']);
    expect(codes({ 'graceful-rollout.io/warn': 'strict', 'graceful-rollout.io/warn-version': 'v1' })).toEqual([
      'GR101',
      'GR201',
    ]);
    expect(asked.at(-1)).toEqual({ level: 'strict', ruleSet: 'v1', nowMs: 1000 });
    expect(webhook({ labels: { 'graceful-rollout.io/warn': 'all' } }).handle(request(deployment())).warnings?.[1]).toBe(
      'shop/web: the namespace\'s label graceful-rollout.io/warn says "all", known are off, baseline, strict: baseline is used',
    );
  });
});

test('audit: codes in an annotation, no warning', () => {
  findings = [finding('GR101', { container: 'app' }), finding('GR101', { container: 'side' }), finding('GR205')];
  const labels = { 'graceful-rollout.io/warn': 'off', 'graceful-rollout.io/audit': 'baseline' };
  expect(webhook({ labels }).handle(request(deployment()))).toEqual({
    ...silent,
    auditAnnotations: { findings: 'GR101[app] GR101[side] GR205' },
  });
});

test('modes of one level are judged once', () => {
  const labels = { 'graceful-rollout.io/audit': 'baseline', 'graceful-rollout.io/enforce': 'baseline' };
  webhook({ labels }).handle(request(deployment()));
  expect(asked).toHaveLength(1);
});

describe('enforce', () => {
  const labels = { 'graceful-rollout.io/enforce': 'baseline' };

  test('denies with the same text, and warns of the rest', () => {
    findings = [finding('GR101'), finding('GR201', { level: 'strict' })];
    const response = webhook({ labels: { ...labels, 'graceful-rollout.io/warn': 'strict' } }).handle(
      request(deployment()),
    );
    expect(response).toEqual({
      uid: 'r1',
      allowed: false,
      status: {
        code: 403,
        reason: 'Forbidden',
        message:
          'graceful-rollout.io/enforce=baseline of namespace shop refuses this:\nGR101: shop/web: GR101 is why. do GR101.',
      },
      warnings: ['GR201: shop/web: GR201 is why. do GR201.'],
    });
  });

  test.each<[string, AdmissionRequest]>([
    ['a remark', request(deployment())],
    ['scaling', update(deployment({ replicas: 0 }), deployment({ replicas: 3 }))],
    ['releasing a hold', update(deployment({}), deployment({ paused: true }))],
  ])('does not refuse %s', (name, asked) => {
    findings = [finding('GR101', { severity: name === 'a remark' ? 'info' : 'error' })];
    expect(webhook({ labels }).handle(asked).allowed).toBe(true);
  });

  test('a waiver that has run out, or that cannot be read, is said and refuses nothing', () => {
    findings = [finding('GR901'), finding('GR902')];
    const { allowed, warnings } = webhook({ labels }).handle(request(deployment()));
    expect(allowed).toBe(true);
    expect(warnings).toHaveLength(2);
  });

  test('with what else is said, in eight lines', () => {
    findings = Array.from({ length: 12 }, (_, index) => finding(`GR${101 + index}`));
    const strict = { ...labels, 'graceful-rollout.io/warn': 'strict', 'graceful-rollout.io/audit': 'no such level' };
    const { warnings } = webhook({ labels: { ...strict, 'graceful-rollout.io/enforce': 'off' } }).handle(
      request(deployment()),
    );
    expect(warnings).toHaveLength(8);
    expect(warnings?.[6]).toBe(
      'shop/web: 6 more findings; "kubectl graceful lint -f FILE --level strict" or "kubectl graceful audit -n shop --level strict" show all',
    );
    expect(warnings?.[7]).toContain('no such level');
  });
});
