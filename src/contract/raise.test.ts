import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Deployment } from '../api/kubernetes.ts';
import { giveBack } from './authorIntent.ts';
import { changesBetween, contractFields } from './contractFields.ts';
import { valueAt } from './fieldPath.ts';
import { applyContract, raiseStored } from './raise.ts';
import { resolveContract } from './resolve.ts';
import { compareShares } from './rollingShare.ts';
import { defaulted, refusals } from './testing/apiServerRules.ts';
import { deployments, services, specs } from './testing/arbitraries.ts';
import { container, manifest, rolloutSpec, service, withoutContractFields } from './testing/manifests.ts';

const numRuns = 300;

function raise(deployment: Deployment, spec = rolloutSpec(), of = [service()]) {
  return applyContract(deployment, resolveContract({ spec, deployment, services: of }).contract);
}

describe('applyContract', () => {
  it('completes a Deployment that says nothing, and records each change', () => {
    expect(raise(defaulted(manifest())).changes).toEqual([
      { path: 'spec.template.spec.terminationGracePeriodSeconds', from: '30', to: '35' },
      { path: 'spec.template.spec.containers[app].lifecycle', from: null, to: '{"preStop":{"sleep":{"seconds":5}}}' },
      { path: 'spec.strategy.rollingUpdate.maxUnavailable', from: '"25%"', to: '0' },
    ]);
  });

  it('gives back exactly what was there, whatever there was', () => {
    fc.assert(
      fc.property(deployments, specs, services, fc.boolean(), (author, spec, of, throughApiServer) => {
        const before = throughApiServer ? defaulted(author) : author;
        const { deployment, changes } = raise(before, spec, of);
        expect(giveBack(deployment, changes)).toEqual(before);
      }),
      { numRuns },
    );
  });

  it('is finished after once: the contract then holds', () => {
    fc.assert(
      fc.property(deployments, specs, services, (author, spec, of) => {
        const { contract } = resolveContract({ spec, deployment: author, services: of });
        const { deployment } = applyContract(author, contract);
        expect(applyContract(deployment, contract).changes).toEqual([]);
      }),
      { numRuns },
    );
  });

  it('raises and never lowers, and leaves hooks, probes and everything else of the author alone', () => {
    fc.assert(
      fc.property(deployments, specs, services, (author, spec, of) => {
        const before = defaulted(author);
        const after = raise(before, spec, of).deployment;
        expect(withoutContractFields(after)).toEqual(withoutContractFields(before));
        const replicas = before.spec.replicas ?? 1;
        for (const { kind, path } of contractFields(before)) {
          const was = valueAt(before, path);
          const is = valueAt(after, path);
          if (was === undefined) continue;
          if (kind === 'preStop' || kind === 'readinessProbe') expect(is).toEqual(was);
          else if (kind === 'maxUnavailable') {
            expect(compareShares(is as string, was as string, replicas, 'down')).toBeLessThanOrEqual(0);
          } else if (kind === 'maxSurge') {
            expect(compareShares(is as string, was as string, replicas, 'up')).toBeGreaterThanOrEqual(0);
          } else expect(Number(is)).toBeGreaterThanOrEqual(Number(was));
        }
      }),
      { numRuns },
    );
  });

  it('never makes a Deployment that the API server refuses', () => {
    fc.assert(
      fc.property(deployments, specs, services, (author, spec, of) => {
        expect(refusals(raise(defaulted(author), spec, of).deployment)).toEqual([]);
      }),
      { numRuns },
    );
  });

  it('sets values that the API server stores as they are, so that the record fits', () => {
    fc.assert(
      fc.property(deployments, specs, services, (author, spec, of) => {
        const after = raise(defaulted(author), spec, of).deployment;
        expect(defaulted(after)).toEqual(after);
      }),
      { numRuns },
    );
  });
});

describe('strategy', () => {
  it.each([
    // author's maxUnavailable and maxSurge; wanted; result
    [undefined, undefined, 0, undefined, 0, '25%'],
    [1, 0, 0, undefined, 0, 1],
    ['50%', '0%', 0, undefined, 0, 1],
    ['0%', 1, 0, undefined, '0%', 1],
    [0, 2, 0, undefined, 0, 2],
    [3, 1, 1, undefined, 1, 1],
    [1, 1, 3, undefined, 1, 1],
    ['25%', 1, 1, undefined, '25%', 1], // 25 % of 4 is one pod: holds
    ['50%', 1, 1, undefined, 1, 1], // 50 % of 4 is two
    ['10%', 1, 0, undefined, 0, 1], // nothing of 4, but one pod of 10
    [2, 1, '25%', undefined, '25%', 1],
    ['1%', 1, '25%', undefined, '1%', 1],
    [0, 1, 0, 2, 0, 2],
    [0, '50%', 0, 2, 0, '50%'], // 50 % of 4 is two
    [0, '25%', 0, 2, 0, 2],
    [0, 1, 0, '100%', 0, '100%'],
    [0, 1, 0, 0, 0, 1],
    [1, 0, 1, 0, 1, 0],
  ])('author %s / %s, wanted %s / %s: %s / %s', (unavailable, surge, wantedUnavailable, wantedSurge, ...expected) => {
    const rollingUpdate = {
      ...(unavailable === undefined ? {} : { maxUnavailable: unavailable }),
      ...(surge === undefined ? {} : { maxSurge: surge }),
    };
    const author = defaulted(manifest({ spec: { strategy: { type: 'RollingUpdate', rollingUpdate } } }));
    const strategy = {
      maxUnavailable: wantedUnavailable,
      ...(wantedSurge === undefined ? {} : { maxSurge: wantedSurge }),
    };
    const after = raise(author, rolloutSpec({ strategy })).deployment.spec.strategy?.rollingUpdate;
    expect([after?.maxUnavailable, after?.maxSurge]).toEqual(expected);
  });

  it('leaves Recreate alone and still completes the template', () => {
    const { deployment, changes } = raise(defaulted(manifest({ spec: { strategy: { type: 'Recreate' } } })));
    expect(deployment.spec.strategy).toEqual({ type: 'Recreate' });
    expect(changes).toHaveLength(2);
  });
});

describe('a Deployment that carries a record', () => {
  it('is not lowered where it is only raised as it is stored', () => {
    const before = defaulted(manifest());
    const first = raise(before, rolloutSpec({ termination: { preStopSleepSeconds: 9 } }));
    const annotations = { 'graceful-rollout.io/contract': JSON.stringify(first.changes) };
    const stored = { ...first.deployment, metadata: { ...before.metadata, annotations } };
    const { contract } = resolveContract({ spec: rolloutSpec(), deployment: stored, services: [service()] });
    expect(raiseStored(stored, contract)).toEqual({ deployment: stored, changes: [] });
    expect(applyContract(stored, contract).changes.map(({ to }) => to)).toEqual(['35', '{"sleep":{"seconds":5}}']);
  });

  it('is not mistaken for one whose author wrote the values', () => {
    const before = defaulted(manifest({ pod: { containers: [container('app'), container('logs')] } }));
    const first = raise(before, rolloutSpec());
    const annotations = { 'graceful-rollout.io/contract': JSON.stringify(first.changes) };
    const stored = { ...first.deployment, metadata: { ...before.metadata, annotations } };
    const longer = raise(stored, rolloutSpec({ termination: { preStopSleepSeconds: 10 } }));
    expect(longer.changes).toContainEqual({
      path: 'spec.template.spec.containers[app].lifecycle.preStop',
      from: '{"sleep":{"seconds":5}}',
      to: '{"sleep":{"seconds":10}}',
    });
    const shorter = raise(stored, rolloutSpec({ termination: { preStopSleepSeconds: 0, drainSeconds: 0 } }));
    expect(shorter.deployment.spec.template).toEqual(before.spec.template);
    expect(giveBack(longer.deployment, changesBetween(stored, longer.deployment))).toEqual(stored);
  });
});
