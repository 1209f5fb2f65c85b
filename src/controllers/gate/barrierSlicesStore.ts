import type { KubeObject } from '../../api/kubernetes.ts';
import {
  BARRIER_FIELD_MANAGER,
  BARRIER_MANAGED_BY,
  type BarrierSlice,
  type IpFamily,
  MANAGED_BY_LABEL,
  SERVICE_NAME_LABEL,
} from '../../gate/barrierSlices.ts';
import { type Client, endpointSlices, services, typed } from '../../kube/index.ts';

/** The Service of the barrier, as the API server has it. */
export interface BarrierService {
  readonly namespace: string;
  readonly name: string;
  readonly uid?: string;
  /** Its first port: what the slices name too. */
  readonly port: { readonly name: string; readonly number: number };
  /** 0: none was allocated. */
  readonly healthCheckNodePort: number;
  readonly families: readonly IpFamily[];
}

/** Where the barrier reads and writes; a fake in tests. Everything rejects as `Client` does. */
export interface BarrierStore {
  /** Undefined: there is no such Service. */
  service(options: StoreCall): Promise<BarrierService | undefined>;
  /** From etcd, not from a cache. */
  slices(options: StoreCall): Promise<readonly BarrierSlice[]>;
  /** Creates (without `resourceVersion`) or replaces, only if nobody wrote since. Resolves with what was written. */
  write(slice: BarrierSlice, options: StoreCall): Promise<BarrierSlice>;
}

export interface StoreCall {
  readonly signal: AbortSignal;
  readonly deadlineMs: number;
}

interface ServiceObject extends KubeObject {
  readonly spec?: {
    readonly healthCheckNodePort?: number;
    readonly ipFamilies?: readonly string[];
    readonly ports?: readonly { readonly name?: string; readonly port: number }[];
  };
}

/** The barrier's Service and slices through the API server. */
export function barrierStore(client: Client, ref: { readonly namespace: string; readonly name: string }): BarrierStore {
  const serviceObjects = typed<ServiceObject>(services);
  const slices = typed<BarrierSlice>(endpointSlices);
  const labelSelector = `${SERVICE_NAME_LABEL}=${ref.name},${MANAGED_BY_LABEL}=${BARRIER_MANAGED_BY}`;
  return {
    async service(options) {
      const found = await client.find(serviceObjects, ref, options);
      if (found === undefined || found.metadata.deletionTimestamp !== undefined) return undefined;
      const port = found.spec?.ports?.[0];
      const families = (found.spec?.ipFamilies ?? []).filter((family) => family === 'IPv4' || family === 'IPv6');
      return {
        ...ref,
        ...(found.metadata.uid === undefined ? {} : { uid: found.metadata.uid }),
        port: { name: port?.name ?? '', number: port?.port ?? 9 },
        healthCheckNodePort: found.spec?.healthCheckNodePort ?? 0,
        families: families.length === 0 ? ['IPv4'] : families,
      };
    },
    async slices(options) {
      const { items } = await client.list(slices, { ...options, namespace: ref.namespace, labelSelector });
      return items;
    },
    write(slice, options) {
      const writing = { ...options, fieldManager: BARRIER_FIELD_MANAGER };
      return slice.metadata.resourceVersion === undefined
        ? client.create(slices, slice, writing)
        : client.update(slices, slice, writing);
    },
  };
}
