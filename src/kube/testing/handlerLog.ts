import type { KubeObject } from '../../api/kubernetes.ts';
import type { Change } from '../informer.ts';

type Kind = 'added' | 'changed' | 'deleted';

/**
 * A handler that believes what it is told and throws where the story has a hole: an addition of what is there, a change
 * or deletion of what is not, an `old` that is not the last `new`, a change of identity, a version that is older than
 * the one before (unless the server's own history was rewritten).
 */
export class HandlerLog<T extends KubeObject> {
  readonly #objects = new Map<string, T>();
  readonly #kinds = new Map<string, Kind[]>();
  readonly holes: string[] = [];
  /** Set when the server's versions go backwards: from then on the order of versions proves nothing. */
  historyRewritten = false;

  hear(key: string, change: Change<T>): void {
    const known = this.#objects.get(key);
    const kind: Kind = change.old === undefined ? 'added' : change.new === undefined ? 'deleted' : 'changed';
    if (change.old !== known) this.holes.push(`${key} ${kind}: the old object is not the one told last`);
    if (kind === 'changed' && change.old?.metadata.uid !== change.new?.metadata.uid) {
      this.holes.push(`${key} changed its uid`);
    }
    const [before, after] = [change.old?.metadata.resourceVersion, change.new?.metadata.resourceVersion];
    if (kind === 'changed' && !this.historyRewritten && Number(after) <= Number(before)) {
      this.holes.push(`${key} went from version ${before} to ${after}`);
    }
    if (change.new === undefined) this.#objects.delete(key);
    else this.#objects.set(key, change.new);
    this.#kinds.set(key, [...(this.#kinds.get(key) ?? []), kind]);
  }

  /** What happened to one object, in order. */
  of(key: string): readonly Kind[] {
    return this.#kinds.get(key) ?? [];
  }

  /** Uid and version by key, as the story has it now. Throws if the story had a hole. */
  state(): Map<string, string> {
    if (this.holes.length > 0) throw new Error(`the handler was told an inconsistent story: ${this.holes.join('; ')}`);
    return new Map(
      Array.from(this.#objects, ([key, { metadata }]) => [key, `${metadata.uid}@${metadata.resourceVersion}`]),
    );
  }
}
