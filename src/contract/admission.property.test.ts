import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Deployment, LifecycleHandler } from '../api/kubernetes.ts';
import { decideAdmission } from './admission.ts';
import { authorIntent, giveBack } from './authorIntent.ts';
import { sameJson } from './canonicalJson.ts';
import { type ContractField, contractFields } from './contractFields.ts';
import { valueAt } from './fieldPath.ts';
import { readRecord } from './record.ts';
import { compareShares } from './rollingShare.ts';
import { defaulted } from './testing/apiServerRules.ts';
import { deployments, services, specs } from './testing/arbitraries.ts';
import { Cluster, WAYS } from './testing/cluster.ts';
import { withImage, withoutContractFields } from './testing/manifests.ts';

const numRuns = 150;
const ways = fc.constantFrom(...WAYS);
const tracelessWays = fc.constantFrom('kubectl apply', 'helm3');

/** docs: with the webhook away the API server refuses a manifest that names one of two such values. */
const unavoidable =
  /^(?:[a-z]+\.preStop\.sleep: longer than the grace period|strategy: maxUnavailable and maxSurge are both 0|progressDeadlineSeconds: must be greater than minReadySeconds)/;

function refusalOf(write: () => unknown): string {
  try {
    write();
    return '';
  } catch (error) {
    return error instanceof Error ? error.message : 'not an Error';
  }
}

/** Nothing in force was lowered, removed or, for what the author wrote, replaced. */
function expectHeld({ kind, path }: ContractField, before: Deployment, after: Deployment): void {
  const was = valueAt(before, path);
  const is = valueAt(after, path);
  if (was === undefined) return;
  const replicas = before.spec.replicas ?? 1;
  if (kind === 'maxUnavailable') {
    expect(compareShares(is as string, was as string, replicas, 'down')).toBeLessThanOrEqual(0);
  } else if (kind === 'maxSurge') {
    expect(compareShares(is as string, was as string, replicas, 'up')).toBeGreaterThanOrEqual(0);
  } else if (kind === 'readinessProbe') {
    expect(is).toBeDefined();
  } else if (kind === 'preStop') {
    const [slept, sleeps] = [was, is].map((hook) => (hook as LifecycleHandler | undefined)?.sleep?.seconds);
    if (slept === undefined) expect(is).toEqual(was);
    else expect(sleeps).toBeGreaterThanOrEqual(slept);
  } else {
    expect(Number(is)).toBeGreaterThanOrEqual(Number(was));
  }
}

function ourAnnotations(deployment: Deployment): string[] {
  return Object.keys(deployment.metadata.annotations ?? {}).filter((key) => key.startsWith('graceful-rollout.io/'));
}

describe('decideAdmission, whatever the Deployment, the contract, the Services and the way of writing', () => {
  it('completes a create; the contract holds afterwards', () => {
    fc.assert(
      fc.property(deployments, specs, services, ways, (author, spec, of, way) => {
        const cluster = new Cluster(spec, of);
        cluster.apply(author, way);
        expect(cluster.later()).toEqual([]);
      }),
      { numRuns },
    );
  });

  it('makes nothing of a manifest that is applied again: same generation, and no change of any kind', () => {
    fc.assert(
      fc.property(deployments, specs, services, ways, (author, spec, of, way) => {
        const cluster = new Cluster(spec, of);
        cluster.apply(author, way);
        cluster.touch('touched');
        const { generation, stored } = cluster;
        cluster.apply(author, way);
        cluster.apply(author, way);
        expect(cluster.generation).toBe(generation);
        expect(cluster.stored.spec).toEqual(stored.spec);
      }),
      { numRuns },
    );
  });

  it('makes one rollout of each change of the template, after which the contract holds', () => {
    fc.assert(
      fc.property(deployments, deployments, specs, services, ways, (first, second, spec, of, way) => {
        const cluster = new Cluster(spec, of);
        cluster.apply(first, way);
        const before = cluster.stored;
        cluster.apply(second, way);
        const changed = !sameJson(defaulted(first).spec.template, defaulted(second).spec.template);
        expect(cluster.rollouts).toBeLessThanOrEqual(changed ? 2 : 1);
        if (!sameJson(before.spec.template, cluster.stored.spec.template)) expect(cluster.later()).toEqual([]);
        cluster.apply(withImage(second, 'registry.example/app:next'), way);
        expect(cluster.later()).toEqual([]);
      }),
      { numRuns },
    );
  });

  it('changes no template on an unrelated write, whatever the contract says by now', () => {
    fc.assert(
      fc.property(deployments, specs, specs, services, services, ways, (author, spec, later, of, laterOf, way) => {
        const cluster = new Cluster(spec, of);
        cluster.apply(author, way);
        const { stored } = cluster;
        cluster.spec = later;
        cluster.services = laterOf;
        cluster.label('note', 'x');
        cluster.edit((live) => ({ ...live, spec: { ...live.spec, replicas: 7 } }));
        cluster.apply(author, way);
        expect(cluster.stored.spec.template).toEqual(stored.spec.template);
        cluster.touch('a new opinion');
        expect(cluster.missing()).toEqual([]);
      }),
      { numRuns },
    );
  });

  it('gives back everything with the next template change after the GracefulRollout is gone, and not before', () => {
    fc.assert(
      fc.property(deployments, specs, services, ways, fc.boolean(), (author, spec, of, way, audit) => {
        const cluster = new Cluster(spec, of);
        cluster.apply(author, way);
        cluster.apply(author, way);
        const { stored, generation } = cluster;
        cluster.spec = audit ? { ...spec, mode: 'Audit' } : undefined;
        cluster.apply(author, way);
        expect(cluster.stored.spec.template).toEqual(stored.spec.template);
        expect(cluster.generation).toBe(generation);
        const next = withImage(author, 'registry.example/app:next');
        cluster.apply(next, way);
        expect(cluster.stored.spec).toEqual(defaulted(next).spec);
        expect(ourAnnotations(cluster.stored)).toEqual([]);
        const after = cluster.generation;
        cluster.apply(next, way);
        expect(cluster.generation).toBe(after);
      }),
      { numRuns },
    );
  });

  it('gives back at once when asked', () => {
    fc.assert(
      fc.property(deployments, specs, services, ways, (author, spec, of, way) => {
        const cluster = new Cluster(spec, of);
        cluster.apply(author, way);
        cluster.spec = undefined;
        cluster.annotate('graceful-rollout.io/give-back', 'true');
        expect(cluster.stored.spec).toEqual(defaulted(author).spec);
        expect(ourAnnotations(cluster.stored)).toEqual([]);
      }),
      { numRuns },
    );
  });

  it('adopts by a touch, and only once', () => {
    fc.assert(
      fc.property(deployments, specs, services, ways, (author, spec, of, way) => {
        const cluster = new Cluster(undefined, of);
        cluster.apply(author, way);
        cluster.spec = spec;
        cluster.label('note', 'x');
        expect(cluster.rollouts).toBe(1);
        cluster.touch('hash');
        expect(cluster.missing()).toEqual([]);
        const { rollouts, generation } = cluster;
        cluster.touch('hash');
        cluster.apply(author, way);
        expect(cluster.rollouts).toBe(rollouts);
        expect(cluster.generation).toBe(generation);
      }),
      { numRuns },
    );
  });

  it('lowers and removes nothing by a touch, whatever is asked by now, and still knows what the author had', () => {
    fc.assert(
      fc.property(deployments, specs, specs, services, services, ways, (author, spec, later, of, laterOf, way) => {
        const cluster = new Cluster(spec, of);
        cluster.apply(author, way);
        const before = cluster.stored;
        const oldRecord = readRecord(before) ?? [];
        cluster.spec = later;
        cluster.services = laterOf;
        const podIsShort = cluster.missing().some(({ path }) => path.startsWith('spec.template.'));
        cluster.touch('a new opinion');
        const after = cluster.stored;
        expect(cluster.missing()).toEqual([]);
        if (!podIsShort) expect(JSON.stringify(after.spec.template)).toBe(JSON.stringify(before.spec.template));
        for (const field of contractFields(before)) expectHeld(field, before, after);
        const record = readRecord(after) ?? [];
        expect(giveBack(after, record).spec).toEqual(giveBack(before, oldRecord).spec);
        if (way !== 'helm3' && way !== 'replace') expect(giveBack(after, record).spec).toEqual(defaulted(author).spec);
        for (const { path, from } of oldRecord) {
          expect(record.filter((change) => change.path === path).map((change) => change.from)).toEqual([from]);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('keeps what is in force while no Service selects the pods, and the author can write what they like', () => {
    fc.assert(
      fc.property(deployments, deployments, specs, specs, services, ways, (first, second, spec, later, of, way) => {
        const cluster = new Cluster(spec, of);
        cluster.apply(first, way);
        cluster.services = [];
        cluster.spec = later;
        // What the API server would refuse throws.
        cluster.apply(second, way);
        const { generation } = cluster;
        cluster.apply(second, way);
        // The other ways leave no trace: a value equal to what the operator had set comes as the author's a write later.
        const traced = way === 'kubectl apply' || way === 'server-side apply';
        if (traced) expect(cluster.generation).toBe(generation);
        cluster.spec = undefined;
        const last = withImage(second, 'registry.example/app:last');
        cluster.apply(last, way);
        if (traced) expect(cluster.stored.spec).toEqual(defaulted(last).spec);
      }),
      { numRuns: 300 },
    );
  });

  it('stays stable when it sees its own answer again', () => {
    fc.assert(
      fc.property(
        deployments,
        deployments,
        specs,
        specs,
        services,
        tracelessWays,
        (first, second, spec, later, of, way) => {
          const cluster = new Cluster(spec, of);
          for (const [author, current] of [
            [first, spec],
            [second, spec],
            [second, later],
            [first, later],
          ] as const) {
            const oldObject = cluster.live;
            cluster.spec = current;
            const { object } = cluster.apply(author, way);
            const again = decideAdmission({
              operation: oldObject === undefined ? 'CREATE' : 'UPDATE',
              object,
              ...(oldObject === undefined ? {} : { oldObject }),
              rollout: { name: 'web', spec: current },
              services: of,
            });
            expect(again.object).toEqual(object);
            expect(again.kind).toBe('Unchanged');
          }
        },
      ),
      { numRuns },
    );
  });

  it('keeps a record from which the intent of an author who applies can be read, and warns in one short line each', () => {
    fc.assert(
      fc.property(deployments, deployments, specs, services, ways, (first, second, spec, of, way) => {
        const cluster = new Cluster(spec, of);
        for (const author of [first, second]) {
          const { warnings, changes } = cluster.apply(author, way);
          const { stored } = cluster;
          // Helm 3 and replace leave no trace: a value equal to what the operator had set is not known to be theirs.
          if (way === 'kubectl apply' || way === 'server-side apply') {
            expect(authorIntent(stored, readRecord(stored) ?? [], stored).spec).toEqual(defaulted(author).spec);
          }
          expect(changes).toEqual(readRecord(stored) ?? []);
          for (const warning of warnings) {
            expect(warning.length).toBeLessThanOrEqual(250);
            expect(warning).toMatch(/^shop\/web: [^\n]*$/);
          }
        }
      }),
      { numRuns },
    );
  });

  it('undoes to an old revision with the current contract, once', () => {
    fc.assert(
      fc.property(deployments, deployments, specs, specs, services, ways, (first, second, spec, later, of, way) => {
        const cluster = new Cluster(spec, of);
        cluster.apply(first, way);
        cluster.spec = later;
        cluster.apply(second, way);
        const { rollouts, stored } = cluster;
        cluster.undo(0);
        expect(cluster.rollouts).toBeLessThanOrEqual(rollouts + 1);
        if (cluster.rollouts > rollouts) expect(cluster.later()).toEqual([]);
        else expect(cluster.stored.spec.template).toEqual(stored.spec.template);
        const undone = withoutContractFields(cluster.stored).spec.template;
        if (cluster.rollouts > rollouts) {
          expect(undone).toEqual(withoutContractFields(defaulted(first)).spec.template);
        }
      }),
      { numRuns },
    );
  });

  it('never stands in the way of an author while the webhook comes and goes, and mends what was lost', () => {
    fc.assert(
      fc.property(deployments, deployments, specs, services, ways, (first, second, spec, of, way) => {
        const cluster = new Cluster(spec, of);
        cluster.apply(first, way);
        const image = withImage(first, 'registry.example/app:2');
        cluster.webhookIsUp = false;
        const refused = refusalOf(() => cluster.apply(image, way));
        // What a manifest names falls back to it, what it does not name stays: these two may contradict each other.
        if (refused !== '') expect(refused).toMatch(unavoidable);
        cluster.webhookIsUp = true;
        const { rollouts } = cluster;
        cluster.label('note', 'x');
        expect(cluster.rollouts).toBe(rollouts);
        cluster.apply(second, way);
        cluster.touch('hash');
        expect(cluster.missing()).toEqual([]);
      }),
      { numRuns },
    );
  });
});
