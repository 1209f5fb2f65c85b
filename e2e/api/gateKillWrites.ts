import { DRAIN_ANNOTATION, GATE_FIELD_MANAGER, RECOUNT_ANNOTATION } from '../../src/api/index.ts';
import { BARRIER_FIELD_MANAGER } from '../../src/gate/barrierSlices.ts';

/** What the gate writes, and what it asks and waits for the answer of; the last two it asks past the API server. */
export const writeKinds = [
  'Intent',
  'HandOver',
  'Isolate',
  'MarkDrained',
  'Abandon',
  'Note',
  'Cancel',
  'GiveBack',
  'ReturnOwner',
  'RemoveForged',
  'Recount',
  'AskBudget',
  'AskSlices',
  'LetGo',
  'Status',
  'BarrierSlice',
  'AskProxy',
  'AskDrained',
] as const;

/** What a write of the gate is for, told by what it changes. */
export type WriteKind = (typeof writeKinds)[number];

/** One write of the gate. */
export interface GateWrite {
  readonly kind: WriteKind;
  readonly namespace: string;
  /** Of the pod, of the GracefulRollout, or of the barrier's slice; empty for a question about all slices. */
  readonly name: string;
}

/** A request to the API server. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly body: Buffer;
}

/** What the operator writes that is no part of any drain, by the plural of its resource. */
const besideDrains: ReadonlySet<string> = new Set([
  'deployments',
  'events',
  'leases',
  'mutatingwebhookconfigurations',
  'secrets',
  'selfsubjectreviews',
  'validatingwebhookconfigurations',
]);

/** Knows the gate's writes by their content; remembers the drain state of each pod for it. */
export class WriteBook {
  readonly #states = new Map<string, Readonly<Record<string, unknown>>>();
  readonly #unknown = new Set<string>();

  /** `METHOD path` of writes that are neither the gate's, as far as this book knows them, nor those of another part. */
  get unknown(): readonly string[] {
    return [...this.#unknown];
  }

  recognise({ method, path, body }: SeenRequest): GateWrite | undefined {
    const url = new URL(path, 'https://api');
    const [namespace = '', resource = '', name = '', subresource = ''] = namesIn(url.pathname);
    const manager = url.searchParams.get('fieldManager');
    const what = `${method} ${resource}${subresource === '' ? '' : '/'}${subresource}`;
    const kind = ((): WriteKind | undefined => {
      switch (what) {
        case 'DELETE pods':
          return 'LetGo';
        case 'POST pods/eviction':
          return 'AskBudget';
        case 'PATCH pods':
          return manager === GATE_FIELD_MANAGER ? this.#kindOfPatch(`${namespace}/${name}`, body) : undefined;
        case 'PATCH gracefulrollouts/status':
          return manager === GATE_FIELD_MANAGER ? 'Status' : undefined;
        case 'POST endpointslices':
        case 'PUT endpointslices':
          return manager === BARRIER_FIELD_MANAGER ? 'BarrierSlice' : undefined;
        case 'GET endpointslices':
          // The informer asks for those of all namespaces, the barrier for its own.
          return url.searchParams.has('labelSelector') || url.searchParams.has('watch') ? undefined : 'AskSlices';
        default:
          return undefined;
      }
    })();
    if (kind !== undefined) return { kind, namespace, name };
    const plural = resource === '' ? (url.pathname.split('/')[4] ?? '') : resource;
    const isBeside =
      method === 'GET' ||
      besideDrains.has(plural) ||
      (what === 'PATCH gracefulrollouts/status' && manager !== GATE_FIELD_MANAGER) ||
      what === 'PATCH services/status';
    if (!isBeside) this.#unknown.add(`${method} ${url.pathname}`);
    return undefined;
  }

  #kindOfPatch(pod: string, body: Buffer): WriteKind {
    const { metadata } = JSON.parse(body.toString()) as {
      readonly metadata: { readonly annotations?: Record<string, string | null>; readonly ownerReferences?: unknown };
    };
    if (metadata.annotations === undefined) return 'ReturnOwner';
    if (RECOUNT_ANNOTATION in metadata.annotations) return 'Recount';
    const text = metadata.annotations[DRAIN_ANNOTATION];
    const before = this.#states.get(pod);
    if (text === null || text === undefined) {
      this.#states.delete(pod);
      if (before === undefined) return 'RemoveForged';
      return metadata.ownerReferences === undefined ? 'Cancel' : 'GiveBack';
    }
    const state = JSON.parse(text) as Readonly<Record<string, unknown>>;
    this.#states.set(pod, state);
    const isNew = (member: string): boolean => state[member] !== undefined && state[member] !== before?.[member];
    if (isNew('drainedAt')) return 'MarkDrained';
    if (isNew('isolatedAt')) return 'Isolate';
    if (isNew('handedOverAt')) return 'HandOver';
    if (isNew('abandonedAt')) return 'Abandon';
    return before === undefined || isNew('askedAt') ? 'Intent' : 'Note';
  }
}

/** Namespace, resource, name and subresource of a request for one kind of a namespace. */
function namesIn(pathname: string): readonly string[] {
  const found = /^\/(?:api|apis\/[^/]+)\/[^/]+\/namespaces\/([^/]+)\/([^/]+)(?:\/([^/]+))?(?:\/([^/]+))?$/.exec(
    pathname,
  );
  return found?.slice(1).map((part: string | undefined) => part ?? '') ?? [];
}
