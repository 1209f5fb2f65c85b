import type { PodIdentity } from '../gate/drainState.ts';
import type { PodView } from '../gate/types.ts';
import type { Informer } from '../kube/index.ts';

/** Whether a wait is over; `undefined`: the pod is gone. */
export type PodPredicate = (pod: PodView | undefined) => boolean;

interface Wait {
  readonly look: (pod: PodView | undefined) => void;
}

/**
 * Waits for changes of single pods in the cache, any number at a time, with one handler on the informer. Make one per
 * informer: it stays registered.
 */
export class PodWaits {
  readonly #informer: Pick<Informer<PodView>, 'store' | 'onChange'>;
  readonly #waits = new Map<string, Set<Wait>>();

  constructor(informer: Pick<Informer<PodView>, 'store' | 'onChange'>) {
    this.#informer = informer;
    informer.onChange((_key, change) => {
      const uid = (change.new ?? change.old)?.metadata.uid ?? '';
      for (const wait of this.#waits.get(uid) ?? []) wait.look(change.new);
    });
  }

  /**
   * Resolves with the pod as soon as the cache holds one that `isOver` takes, at once where it does already, with undefined
   * when the pod is gone and `isOver` takes that. Rejects with the signal's reason, or with what `isOver` throws.
   */
  async waitForPod(pod: PodIdentity, isOver: PodPredicate, signal: AbortSignal): Promise<PodView | undefined> {
    signal.throwIfAborted();
    const over = Promise.withResolvers<PodView | undefined>();
    const look = (seen: PodView | undefined): void => {
      try {
        if (isOver(seen)) over.resolve(seen);
      } catch (error) {
        over.reject(error);
      }
    };
    const wait: Wait = { look };
    const waits = this.#waits.get(pod.uid) ?? new Set();
    this.#waits.set(pod.uid, waits.add(wait));
    const onAbort = (): void => over.reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      const cached = this.#informer.store.get(pod.namespace, pod.name);
      look(cached?.metadata.uid === pod.uid ? cached : undefined);
      return await over.promise;
    } finally {
      signal.removeEventListener('abort', onAbort);
      waits.delete(wait);
      if (waits.size === 0) this.#waits.delete(pod.uid);
    }
  }
}
