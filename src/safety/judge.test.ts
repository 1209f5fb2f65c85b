import { describe, expect, it } from 'vitest';
import { CONTEXT_KINDS, contextOf } from './context.ts';
import { judge } from './judge.ts';
import { RULES, ruleOf } from './registry.ts';
import { applyEdits } from './testing/edits.ts';
import {
  app,
  autoscaler,
  budget,
  deployment,
  gracefulRollout,
  type Manifest,
  ofKind,
  service,
  withApp,
} from './testing/manifests.ts';
import { findingsIn, testNowMs } from './testing/ruleTable.ts';
import { SEVERITIES } from './types.ts';
import { workloadOf } from './workload.ts';

const bad = withApp({
  image: 'nginx',
  readinessProbe: undefined,
  lifecycle: { preStop: { exec: { command: ['sleep', '40'] } } },
});
const codes = (manifests: readonly Manifest[]) => findingsIn(manifests).map(({ code }) => code);

describe('the rules together', () => {
  it.each<[string, Manifest[]]>([
    ['a Deployment', [deployment(), service(), budget()]],
    ['with an autoscaler', [deployment({ replicas: undefined }), service(), budget(), autoscaler()]],
    ['with the operator', [deployment(), service(), budget(), gracefulRollout()]],
    ['a StatefulSet', [ofKind('StatefulSet', 'apps/v1'), service(), budget()]],
    ['a DaemonSet', [ofKind('DaemonSet', 'apps/v1'), service()]],
    ['a Job', [ofKind('Job', 'batch/v1')]],
  ])('have nothing to say of %s that is as it should be', (_name, manifests) => {
    expect(findingsIn(manifests)).toEqual([]);
  });

  it('say the worst first', () => {
    const findings = findingsIn([bad, service(), budget({ maxUnavailable: 0 })]);
    const ranks = findings.map(({ severity }) => SEVERITIES.indexOf(severity));
    expect(ranks).toEqual(ranks.toSorted((a, b) => a - b));
    expect(findings.map(({ code }) => code)).toEqual(['GR101', 'GR202', 'GR402', 'GR501']);
  });

  it('say less at baseline', () => {
    const manifests = [bad, service(), budget({ maxUnavailable: 0 })];
    const workload = workloadOf(bad);
    const context = contextOf(manifests, { namespace: 'shop', complete: CONTEXT_KINDS });
    expect(workload).toBeDefined();
    if (workload === undefined) return;
    const options = { level: 'baseline', ruleSet: 'v1', nowMs: testNowMs } as const;
    expect(judge(workload, context, options).map(({ code }) => code)).toEqual(['GR101', 'GR202']);
  });

  it('judge the workload that controls, not the one that is controlled', () => {
    const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'd1', controller: true };
    const owned = (ownerReference: object) => [
      {
        ...ofKind('ReplicaSet', 'apps/v1', bad),
        metadata: { namespace: 'shop', name: 'web', ownerReferences: [ownerReference] },
      },
      service(),
    ];
    expect(codes(owned(owner))).toEqual([]);
    expect(codes(owned({ ...owner, controller: false }))).toContain('GR101');
    expect(codes(owned({ ...owner, apiVersion: 'example.com/v1', kind: 'Shop' }))).toContain('GR101');
  });

  it.each([{ os: { name: 'windows' } }, { nodeSelector: { 'kubernetes.io/os': 'windows' } }])(
    'leave pods on Windows alone: %o',
    (pod) => {
      expect(codes([withApp({ readinessProbe: undefined }, pod), service()])).toEqual([]);
    },
  );

  it('leave out what the object waives, and nothing else', () => {
    const waiving = (waive: string) => [
      { ...bad, metadata: { namespace: 'shop', name: 'web', annotations: { 'graceful-rollout.io/waive': waive } } },
      service(),
      budget(),
    ];
    expect(codes(waiving('GR101 a tool of ours until=2026-11-22; GR501 pinned by policy until=2027-01-01'))).toEqual([
      'GR202',
    ]);
    expect(codes(waiving('GR101 a tool of ours until=2026-11-21'))).toEqual(['GR101', 'GR202', 'GR902', 'GR501']);
    expect(codes(waiving('GR101'))).toEqual(['GR101', 'GR202', 'GR901', 'GR501']);
  });

  it('have fixes that do not undo each other', () => {
    const target = deployment(
      {},
      {
        terminationGracePeriodSeconds: 3,
        containers: [
          app({ image: 'nginx:1', lifecycle: undefined }),
          app({ name: 'slow', ports: [], readinessProbe: undefined, args: ['--graceful-timeout', '60'] }),
          app({
            name: 'long',
            ports: [],
            readinessProbe: undefined,
            lifecycle: { preStop: { sleep: { seconds: 50 } } },
          }),
        ],
      },
    );
    const fixes = findingsIn([target, service(), budget()]);
    expect(fixes.map(({ code }) => code)).toEqual(['GR202', 'GR202', 'GR206']);
    const fixed = applyEdits(
      target,
      fixes.flatMap(({ fix = [] }) => fix),
    );
    expect(findingsIn([fixed, service(), budget()])).toEqual([]);
  });

  it('keep the messages of hostile names to one short line', () => {
    const hostile = `a\n\u0007\u2028b${'x'.repeat(500)}😀`;
    const manifest = withApp({ name: hostile, readinessProbe: undefined, image: 'nginx:latest', lifecycle: undefined });
    const findings = findingsIn([
      { ...manifest, metadata: { name: hostile, namespace: hostile } },
      { ...service(), metadata: { name: hostile } },
    ]);
    expect(findings.length).toBeGreaterThan(2);
    for (const { message, remedy, field } of findings) {
      for (const text of [message, remedy, field]) {
        expect(text).not.toMatch(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u);
        expect(Array.from(text).length).toBeLessThanOrEqual(240);
      }
    }
  });
});

describe('the registry', () => {
  it('has each code and each name once, in order', () => {
    const all = RULES.map(({ code }) => code);
    expect(all).toEqual([...new Set(all)].toSorted());
    expect(new Set(RULES.map(({ name }) => name)).size).toBe(RULES.length);
  });

  it('finds a rule by its code in any case', () => {
    expect(ruleOf('gr101')?.name).toBe('readiness-probe-missing');
    expect(ruleOf('GR000')).toBeUndefined();
  });
});
