import { DRAIN_ANNOTATION, GATE_FIELD_MANAGER } from '../api/index.ts';
import { identityOf, type JudgedPod } from '../gate/admit.ts';
import { abandonedState } from '../gate/admitPlan.ts';
import { encodeState, type PodIdentity, readState } from '../gate/drainState.ts';
import type { DrainState } from '../gate/types.ts';
import { type ClientOf, isConflict, isNotFound, type Pod, pods } from '../kube/index.ts';
import { type Clock, type Logger, linkAbort } from '../runtime/index.ts';
import { judgedPodOf } from './gateRequest.ts';

/** What a person who hangs up may still cost. */
const ABANDON_LIMIT_MS = 5_000;

type Written =
  | { readonly result: 'Written'; readonly pod: JudgedPod }
  /** Somebody wrote the pod since it was read. */
  | { readonly result: 'Conflict' }
  | { readonly result: 'Gone' }
  | { readonly result: 'Failed' };

interface Limits {
  readonly signal: AbortSignal;
  readonly deadlineMs: number;
}

/** Reads and writes the state on pods: the webhooks' only calls to the API server. */
export class GateIntents {
  readonly #client: Pick<ClientOf<Pod>, 'find' | 'patch'>;
  readonly #clock: Clock;
  readonly #log: Logger;

  constructor(client: Pick<ClientOf<Pod>, 'find' | 'patch'>, clock: Clock, log: Logger) {
    this.#client = client;
    this.#clock = clock;
    this.#log = log;
  }

  /** The newest version of a pod; undefined when there is none. Rejects when it cannot be read. */
  async read(ref: { readonly namespace: string; readonly name: string }, limits: Limits) {
    return judgedPodOf(await this.#client.find(pods, ref, { ...limits, retry: false }));
  }

  /** Puts `state` on exactly this version of the pod. Rejects only with the reason of an aborted signal. */
  async write(pod: JudgedPod, state: DrainState, key: Uint8Array, limits: Limits): Promise<Written> {
    const identity = identityOf(pod);
    if (identity === undefined) return { result: 'Failed' };
    const { namespace, name, uid } = identity;
    const { resourceVersion } = pod.metadata;
    const annotations = { [DRAIN_ANNOTATION]: encodeState(state, identity, key) };
    try {
      const body = { metadata: { uid, resourceVersion, annotations } };
      const written = await this.#client.patch(
        pods,
        { namespace, name },
        { type: 'merge', body },
        { ...limits, retry: false, fieldManager: GATE_FIELD_MANAGER },
      );
      const after = judgedPodOf(written);
      return after === undefined ? { result: 'Failed' } : { result: 'Written', pod: after };
    } catch (err) {
      if (limits.signal.aborted) throw err;
      if (isConflict(err)) return { result: 'Conflict' };
      if (isNotFound(err)) return { result: 'Gone' };
      this.#log.warn('cannot write the drain of a pod', { namespace, name, uid, path: state.path, err });
      return { result: 'Failed' };
    }
  }

  /**
   * A person has hung up: tells the leader so, unless the pod is isolated. Has a time limit of its own, since the request's
   * signal is aborted. Never rejects: without it the leader gives the pod back when `until` has passed.
   */
  async abandon(pod: PodIdentity, username: string, key: Uint8Array): Promise<boolean> {
    const limit = linkAbort();
    const cancel = this.#clock.schedule(ABANDON_LIMIT_MS, () => limit.abort(new Error('no answer in time')));
    const limits = { signal: limit.signal, deadlineMs: ABANDON_LIMIT_MS };
    const { namespace, name, uid } = pod;
    try {
      // Read anew each time: the write that was under way when the request ended may have arrived, or not.
      for (let attempt = 0; attempt < 3; attempt += 1) {
        const live = await this.read(pod, limits);
        if (live === undefined || live.metadata.uid !== uid || live.metadata.deletionTimestamp !== undefined)
          return false;
        const state = abandonedState(readState(live, key), username, this.#clock.nowMs());
        if (state === undefined) return false;
        const { result } = await this.write(live, state, key, limits);
        if (result === 'Written') return true;
        if (result !== 'Conflict') return false;
      }
    } catch (err) {
      this.#log.warn('cannot tell that a deletion was given up', { namespace, name, uid, err });
    } finally {
      cancel();
      limit.release();
    }
    return false;
  }
}
