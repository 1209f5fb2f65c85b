import type { Claim } from '../../api/claim.ts';
import { GATE_FIELD_MANAGER } from '../../api/index.ts';
import type { LabelSelector } from '../../api/kubernetes.ts';
import { electRollout } from '../../contract/index.ts';
import { gateSettingsOf } from '../../gate/settings.ts';
import {
  type Client,
  type Informer,
  isConflict,
  validatingWebhookConfigurations,
  type WebhookConfiguration,
} from '../../kube/index.ts';
import type { Clock, Logger, ManagedTask } from '../../runtime/index.ts';

/** The label that every namespace has, with its name. */
const NAMESPACE_LABEL = 'kubernetes.io/metadata.name';
/** Selects nothing: no namespace can have a dot in its name. `In` with no values is refused. */
const NO_NAMESPACE = 'graceful-rollout.io-none';

/** Several GracefulRollouts applied at once are one write. */
const DEBOUNCE_MS = 200;
const RECHECK_MS = 60_000;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 30_000;
/** API servers read webhook configurations through a watch of their own: ours is in force some time after it was stored. */
const SETTLE_MS = 1_000;
/** A reconcile that waited longer would keep others from their turn. */
const ENSURE_LIMIT_MS = 10_000;

export interface GateScopeOptions {
  /** Refuses writes where this process does not lead (any more). */
  readonly client: Pick<Client, 'find' | 'patch'>;
  /** Name of the ValidatingWebhookConfiguration; it holds no entries but the gate's. */
  readonly configuration: string;
  readonly claims: Pick<Informer<Claim>, 'store' | 'onChange'>;
  /** Namespaces that are never gated, whatever is in them. */
  readonly excludedNamespaces: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Which namespaces' deletions reach the gate's webhooks: those with a governing GracefulRollout in mode Gate, and no other.
 * An eviction cannot be selected by the labels of its pod, so namespaces are the narrowest that there is.
 */
export interface GateScope extends ManagedTask {
  /**
   * Resolves when deletions in `namespace` reach the gate, or are not to; ask before a write that replaces pods. Rejects with
   * the signal's reason, and after 10 s with why it is not so: then ask again later.
   */
  ensure(namespace: string, signal: AbortSignal): Promise<void>;
}

/** The namespaces whose deletions are to reach the gate, sorted. Pure. */
export function gatedNamespaces(claims: readonly Claim[], excluded: readonly string[]): string[] {
  const byTarget = Map.groupBy(
    claims.filter(({ metadata, spec }) => metadata.deletionTimestamp === undefined && spec !== undefined),
    ({ metadata, targetName }) => `${metadata.namespace ?? ''}/${targetName ?? ''}`,
  );
  const gated = [...byTarget.values()].flatMap((rivals) => {
    const { winner } = electRollout(rivals);
    const wanted = winner?.spec !== undefined && gateSettingsOf(winner.spec).mode === 'Gate';
    return wanted ? [winner.metadata.namespace ?? ''] : [];
  });
  return [...new Set(gated)].filter((namespace) => !excluded.includes(namespace)).toSorted();
}

/** The selector that takes these namespaces and no other. */
function selectorOf(namespaces: readonly string[]): LabelSelector {
  const values = namespaces.length === 0 ? [NO_NAMESPACE] : namespaces;
  return { matchExpressions: [{ key: NAMESPACE_LABEL, operator: 'In', values }] };
}

/**
 * The patch that gives every entry the selector; undefined where all have it. It touches nothing else, and the version keeps
 * it from a configuration that somebody wrote since. Pure.
 */
export function scopePatch(configuration: WebhookConfiguration, namespaces: readonly string[]): object | undefined {
  const wanted = selectorOf(namespaces);
  const differ = (configuration.webhooks ?? []).filter(
    ({ namespaceSelector }) => !isSelector(namespaceSelector, wanted),
  );
  if (differ.length === 0) return undefined;
  return {
    metadata: { resourceVersion: configuration.metadata.resourceVersion },
    // strategic: merged into the entries by name; null takes off what somebody added
    webhooks: differ.map(({ name }) => ({ name, namespaceSelector: { ...wanted, matchLabels: null } })),
  };
}

function isSelector(found: LabelSelector | undefined, wanted: LabelSelector): boolean {
  const { matchLabels = {}, matchExpressions = [] } = found ?? {};
  return (
    Object.keys(matchLabels).length === 0 &&
    JSON.stringify(matchExpressions.map(ordered)) === JSON.stringify(wanted.matchExpressions)
  );
}

function ordered({ key, operator, values }: NonNullable<LabelSelector['matchExpressions']>[number]) {
  return { key, operator, values };
}

/** Keeps the namespaces of the gate's webhooks; runs while this process leads. */
export function gateScope(options: GateScopeOptions): GateScope {
  const { client, clock, claims, log } = options;
  const ref = { name: options.configuration };
  /** The namespaces that the configuration holds, and from when on every API server goes by it; absent while not known. */
  let inForce: ReadonlyMap<string, number> | undefined;
  let lastTrouble = '';
  /** Ends the pause between two rounds. */
  let wake = (): void => {};
  const afterRound = new Set<() => void>();

  const wanted = (): string[] => gatedNamespaces(claims.store.list(), options.excludedNamespaces);

  /** Reads the configuration and writes what it lacks; throws where that was not possible. */
  const round = async (signal: AbortSignal): Promise<void> => {
    const found = await client.find(validatingWebhookConfigurations, ref, { signal });
    if (found === undefined) {
      throw new Error(`ValidatingWebhookConfiguration ${ref.name} is missing: install it again with the chart`);
    }
    const namespaces = wanted();
    const body = scopePatch(found, namespaces);
    const before = inForce ?? new Map<string, number>();
    // What was there before this process knew of it may have been written a moment ago.
    const fromMs = clock.monotonicMs() + SETTLE_MS;
    if (body === undefined) {
      inForce = new Map(namespaces.map((namespace) => [namespace, before.get(namespace) ?? fromMs]));
      return;
    }
    inForce = undefined;
    const patch = { type: 'strategic', body } as const;
    await client.patch(validatingWebhookConfigurations, ref, patch, { signal, fieldManager: GATE_FIELD_MANAGER });
    log.info('the namespaces of the gate were written', { name: ref.name, namespaces });
    // All anew: what made them differ may have taken namespaces out.
    const settledMs = clock.monotonicMs() + SETTLE_MS;
    inForce = new Map(namespaces.map((namespace) => [namespace, settledMs]));
  };

  /** Says what is wrong once, until something else is. */
  const complain = (error: unknown): void => {
    const trouble = error instanceof Error ? error.message : String(error);
    if (trouble !== lastTrouble) log.error('the namespaces of the gate cannot be kept, will try again', { err: error });
    lastTrouble = trouble;
  };

  /** Resolves after `ms`, when aborted or, where that may be, when woken. */
  const pause = async (ms: number, mayWake: boolean, signal: AbortSignal): Promise<void> => {
    const awake = new AbortController();
    if (mayWake) wake = () => awake.abort();
    await Promise.allSettled([clock.sleep(ms, AbortSignal.any([signal, awake.signal]))]);
    wake = () => {};
  };

  return {
    name: 'gate-scope',
    leaderOnly: true,
    async run(signal) {
      let pending: (() => void) | undefined;
      const unsubscribe = claims.onChange(() => {
        pending ??= clock.schedule(DEBOUNCE_MS, () => {
          pending = undefined;
          if (!sameNames(wanted(), inForce)) wake();
        });
      });
      let retryMs = FIRST_RETRY_MS;
      while (!signal.aborted) {
        let waitMs = RECHECK_MS;
        let failed = false;
        try {
          await round(signal);
          retryMs = FIRST_RETRY_MS;
          lastTrouble = '';
          // A claim that came in while the round was under way.
          if (!sameNames(wanted(), inForce)) waitMs = 0;
        } catch (error) {
          if (isAborted(signal)) break;
          // Somebody else wrote: nothing to report, and soon looked at again.
          if (!isConflict(error)) complain(error);
          failed = true;
          waitMs = retryMs;
          retryMs = Math.min(2 * retryMs, LAST_RETRY_MS);
        }
        for (const resume of [...afterRound]) resume();
        // Who waits would wake it at once, and there would be no back-off.
        await pause(waitMs, !failed, signal);
      }
      pending?.();
      unsubscribe();
      // Whoever leads next may write something else.
      inForce = undefined;
    },
    async ensure(namespace, asked) {
      const limit = new AbortController();
      const cancel = clock.schedule(ENSURE_LIMIT_MS, () => {
        const why = lastTrouble === '' ? 'its webhook configuration was not written in time' : lastTrouble;
        limit.abort(new Error(`deletions in namespace ${namespace} do not reach the gate yet: ${why}`));
      });
      try {
        await inForceFor(namespace, AbortSignal.any([asked, limit.signal]));
      } finally {
        cancel();
      }
    },
  };

  async function inForceFor(namespace: string, signal: AbortSignal): Promise<void> {
    while (wanted().includes(namespace)) {
      signal.throwIfAborted();
      const fromMs = inForce?.get(namespace);
      if (fromMs !== undefined) {
        const leftMs = fromMs - clock.monotonicMs();
        if (leftMs <= 0) return;
        await clock.sleep(leftMs, signal);
        continue;
      }
      wake();
      await nextRound(afterRound, signal);
    }
  }
}

function nextRound(afterRound: Set<() => void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (finish: () => void) => (): void => {
      afterRound.delete(resume);
      signal.removeEventListener('abort', stop);
      finish();
    };
    const resume = settle(resolve);
    const stop = settle(() =>
      reject(signal.reason instanceof Error ? signal.reason : new Error('the wait for the gate was cancelled')),
    );
    afterRound.add(resume);
    signal.addEventListener('abort', stop, { once: true });
  });
}

function sameNames(namespaces: readonly string[], inForce: ReadonlyMap<string, number> | undefined): boolean {
  return inForce?.size === namespaces.length && namespaces.every((namespace) => inForce.has(namespace));
}

/** Asked again after an await: the compiler takes the loop's condition for still true. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
