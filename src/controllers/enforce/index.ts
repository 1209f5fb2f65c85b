import type { Counter } from 'prom-client';
import type { Claim } from '../../api/claim.ts';
import { claimOf } from '../../api/claim.ts';
import type { Finding } from '../../api/index.ts';
import type { Deployment, KubeObject, Service } from '../../api/kubernetes.ts';
import { describeWriter } from '../../contract/index.ts';
import type { EventRecorder } from '../../kube/events.ts';
import { deployments, type Informer, isNotFound } from '../../kube/index.ts';
import { type Clock, Controller, type Logger, type ObjectKey, type OperatorMetrics } from '../../runtime/index.ts';
import { adopt, type EnforceClient, writeStatus } from './act.ts';
import { announce } from './announce.ts';
import { conclude, decide, type Snapshot } from './decide.ts';
import { byNamespace, byTarget, observe } from './observe.ts';
import { contestEndsInMs, report } from './report.ts';
import { withRules } from './rules.ts';
import type { Assessment } from './situation.ts';

export { byNamespace, byTarget } from './observe.ts';

type Watched<T extends KubeObject> = Pick<Informer<T>, 'onChange' | 'store'>;

export interface EnforceOptions {
  /** Refuses writes where this process does not lead (any more). */
  readonly client: EnforceClient;
  readonly claims: Watched<Claim>;
  readonly deployments: Watched<Deployment>;
  readonly services: Watched<Service>;
  readonly events: Pick<EventRecorder, 'record'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: OperatorMetrics;
  readonly adoptions: Counter<'result'>;
  readonly concurrency?: number;
  /** Resolves when the deletions that an adoption causes in this namespace are gated. */
  readonly beforeAdoption?: (namespace: string, signal: AbortSignal) => Promise<void>;
  /** What the rules on workloads say of a target, for the status; absent: nothing. */
  readonly rules?: {
    /** The findings, and how long they hold if nothing changes. */
    verdictOf(target: Deployment): { readonly findings: readonly Finding[]; readonly staleInMs?: number };
    /** Told when something that the rules look at has changed in a namespace, the target and Services aside; often. */
    onChange(handler: (namespace: string) => void): void;
  };
}

/**
 * What the rules look at changes many times in a row where a namespace is synced: its targets are judged again once for all
 * that comes within this time.
 */
const judgeAgainMs = 1_000;

/**
 * The controller that brings targets up to the termination contract: one reconcile per GracefulRollout, observe →
 * decide (pure) → act → report. It writes a target at most once per state of it, and never its spec: see `adopt`.
 */
export function enforceController(options: EnforceOptions): Controller {
  const { client, clock, claims } = options;
  const fresh = new FreshWrites();
  const caches = { claims: claims.store, deployments: options.deployments.store, services: options.services.store };

  const reconcile = async (key: ObjectKey, context: { readonly signal: AbortSignal; readonly log: Logger }) => {
    const { signal, log } = context;
    const cached = observe(caches, key, clock.nowMs());
    if (cached === undefined) {
      fresh.forget(key);
      return undefined;
    }
    const snapshot = fresh.over(key, cached);
    const decision = decide(snapshot);
    let assessment: Assessment;
    if (decision.act === 'report') {
      assessment = decision.assessment;
    } else {
      await options.beforeAdoption?.(key.namespace, signal);
      const outcome = await adopt(client, decision.adoption, () => clock.nowMs(), signal);
      options.adoptions.inc({ result: outcome.kind });
      if (outcome.kind === 'Written') {
        fresh.wroteTarget(key, decision.adoption.deployment, outcome.deployment);
        log.info('adopted a target in one write', { changes: decision.adoption.missing.map(({ path }) => path) });
      }
      assessment = conclude(snapshot, decision.adoption, outcome);
    }
    const named = await nameWriter(client, snapshot, assessment, signal);
    const target = fresh.over(key, cached).deployment;
    const verdict = target === undefined ? undefined : options.rules?.verdictOf(target);
    const status = report(snapshot.rollout, withRules(named, verdict?.findings ?? []), clock.nowMs());
    const written = await writeStatus(client, snapshot, status, signal).catch((error: unknown) => {
      if (isNotFound(error)) return undefined;
      throw error;
    });
    if (written !== undefined) {
      fresh.wroteClaim(key, cached.rollout, claimOf(written));
      announce(options.events, snapshot.rollout, status, named);
    }
    const contestMs = contestEndsInMs(snapshot.rollout, clock.nowMs());
    const again = [named.requeueAfterMs, contestMs, verdict?.staleInMs].filter((ms) => ms !== undefined);
    return again.length === 0 ? undefined : { requeueAfterMs: Math.min(...again) };
  };

  const controller = new Controller({
    name: 'enforce',
    reconcile,
    clock,
    log: options.log,
    metrics: options.metrics,
    concurrency: options.concurrency ?? 4,
  });
  const enqueue = (claim: Claim): void => controller.enqueue(keyOf(claim));
  const enqueueClaimantsOf = (namespace: string, target: string): void => {
    for (const claim of caches.claims.byIndex(byTarget, `${namespace}/${target}`)) enqueue(claim);
  };
  claims.onChange((_key, change) => {
    // Rivals too: the deletion, or a new target, of the older one makes the younger one govern.
    for (const claim of [change.old, change.new]) {
      if (claim === undefined) continue;
      enqueue(claim);
      if (claim.targetName !== undefined) enqueueClaimantsOf(claim.metadata.namespace ?? '', claim.targetName);
    }
  });
  options.deployments.onChange((_key, { old, new: now }) => {
    const { namespace = '', name = '' } = (now ?? old)?.metadata ?? {};
    enqueueClaimantsOf(namespace, name);
  });
  const enqueueAllIn = (namespace: string): void => {
    for (const claim of caches.claims.byIndex(byNamespace, namespace)) enqueue(claim);
  };
  options.services.onChange((_key, { old, new: now }) => enqueueAllIn((now ?? old)?.metadata.namespace ?? ''));
  const stirred = new Set<string>();
  options.rules?.onChange((namespace) => {
    if (stirred.has(namespace)) return;
    stirred.add(namespace);
    clock.schedule(judgeAgainMs, () => {
      stirred.delete(namespace);
      enqueueAllIn(namespace);
    });
  });
  return controller;
}

function keyOf(claim: Claim): ObjectKey {
  return { namespace: claim.metadata.namespace ?? '', name: claim.metadata.name ?? '' };
}

/** The cache holds no managedFields; who overruled us is worth one read of the object itself. */
async function nameWriter(
  client: EnforceClient,
  snapshot: Snapshot,
  assessment: Assessment,
  signal: AbortSignal,
): Promise<Assessment> {
  const { situation } = assessment;
  if (situation.kind !== 'Overruled' || situation.writer !== undefined) return assessment;
  const { namespace = '', name = '' } = snapshot.deployment?.metadata ?? {};
  const live = await client.find(deployments, { namespace, name }, { signal });
  const owner = live === undefined ? undefined : describeWriter(live, situation.field);
  if (owner === undefined) return assessment;
  const writer = `field manager ${owner.manager} (${owner.operation})`;
  return { ...assessment, situation: { ...situation, writer } };
}

/**
 * Our own writes, until the watch brings them back: a cache that still shows the version a write was based on is read
 * as if it showed the result, so that nothing is written twice.
 */
class FreshWrites {
  readonly #targets = new Map<string, { readonly basedOn: string; readonly result: Deployment }>();
  readonly #claims = new Map<string, { readonly basedOn: string; readonly result: Claim }>();

  wroteTarget(key: ObjectKey, before: Deployment, result: Deployment): void {
    this.#targets.set(text(key), { basedOn: version(before), result });
  }

  wroteClaim(key: ObjectKey, before: Claim, result: Claim): void {
    this.#claims.set(text(key), { basedOn: version(before), result });
  }

  forget(key: ObjectKey): void {
    this.#targets.delete(text(key));
    this.#claims.delete(text(key));
  }

  over(key: ObjectKey, snapshot: Snapshot): Snapshot {
    const target = this.#targets.get(text(key));
    const claim = this.#claims.get(text(key));
    const staleTarget =
      target !== undefined && snapshot.deployment !== undefined && target.basedOn === version(snapshot.deployment);
    const staleClaim = claim !== undefined && claim.basedOn === version(snapshot.rollout);
    if (target !== undefined && !staleTarget) this.#targets.delete(text(key));
    if (claim !== undefined && !staleClaim) this.#claims.delete(text(key));
    return {
      ...snapshot,
      ...(staleTarget ? { deployment: target.result } : {}),
      ...(staleClaim ? { rollout: claim.result } : {}),
    };
  }
}

const text = (key: ObjectKey): string => `${key.namespace}/${key.name}`;
const version = (object: Claim | Deployment): string => `${object.metadata.uid}@${object.metadata.resourceVersion}`;
