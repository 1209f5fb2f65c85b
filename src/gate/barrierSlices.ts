import type { KubeObject } from '../api/kubernetes.ts';

/** Address families of a Service, as `spec.ipFamilies` names them. */
export type IpFamily = 'IPv4' | 'IPv6';

/** Field manager of the slices. */
export const BARRIER_FIELD_MANAGER = 'graceful-rollout-gate';

/** Whose slices they are: the controllers of Kubernetes leave slices of other managers alone. */
export const BARRIER_MANAGED_BY = 'graceful-rollout.io';
export const MANAGED_BY_LABEL = 'endpointslice.kubernetes.io/managed-by';
export const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';

/** An EndpointSlice of the barrier: for each node as many endpoints as its number says. */
export interface BarrierSlice extends KubeObject {
  readonly addressType: IpFamily;
  readonly endpoints?: readonly { readonly addresses: readonly string[]; readonly nodeName?: string }[];
  readonly ports?: readonly { readonly name?: string; readonly port?: number; readonly protocol?: string }[];
}

/**
 * Nodes per slice. A settled node goes round the numbers 1, 2, 3, so that a slice has 99 endpoints at most, as many as those of
 * Kubernetes; 264 if every proxy of it were stuck. A node is in one slice only: its number changes in one write.
 */
const NODES_PER_SLICE = 33;

/** Addresses that a node has for itself; at least `LARGEST_NUMBER`. */
const ADDRESSES_PER_SEAT = 8;
/** 198.18.0.0/15 and 2001:2::/48, both for benchmarks (RFC 2544, RFC 5180): nobody routes them, nothing is sent there. */
const IPV4_BASE = (198 << 24) | (18 << 16);
const IPV6_PREFIX = '2001:2::';

/** Seats that fit into the IPv4 range. */
export const SEATS = 2 ** 17 / ADDRESSES_PER_SEAT - 1;

/** Addresses of the node in seat `seat` (from 0), as many as its number. Unique in the cluster, stable while it keeps its seat. */
function seatAddresses(family: IpFamily, seat: number, number: number): readonly string[] {
  return Array.from({ length: number }, (_, index) => {
    // The first eight stay free, so that no address is the network's own.
    const offset = (seat + 1) * ADDRESSES_PER_SEAT + index;
    if (family === 'IPv6') return `${IPV6_PREFIX}${offset.toString(16)}`;
    const address = IPV4_BASE + offset;
    return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
  });
}

/** The seat that an address belongs to; undefined: not one of the barrier's. */
function seatOf(family: IpFamily, address: string): number | undefined {
  const offset = family === 'IPv6' ? ipv6Offset(address) : ipv4Offset(address);
  const seat = offset === undefined ? -1 : Math.floor(offset / ADDRESSES_PER_SEAT) - 1;
  return seat >= 0 && seat < SEATS ? seat : undefined;
}

function ipv4Offset(address: string): number | undefined {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(address)?.slice(1).map(Number);
  if (parts === undefined) return undefined;
  return parts.reduce((sum, part) => sum * 256 + part, 0) - (IPV4_BASE >>> 0);
}

function ipv6Offset(address: string): number | undefined {
  const tail = address.startsWith(IPV6_PREFIX) ? address.slice(IPV6_PREFIX.length) : '';
  return /^[0-9a-f]{1,5}$/.test(tail) ? Number.parseInt(tail, 16) : undefined;
}

/** Name of the slice that holds a seat. */
export function sliceName(service: string, family: IpFamily, seat: number): string {
  return `${service}-${family === 'IPv4' ? '' : 'v6-'}${Math.floor(seat / NODES_PER_SLICE)}`;
}

/** A node in its seat, with the number that its proxy is to report. */
export interface Seated {
  readonly node: string;
  readonly seat: number;
  readonly number: number;
}

/** A whole slice. */
export function barrierSlice(
  service: {
    readonly namespace: string;
    readonly name: string;
    readonly uid?: string;
    readonly port: { readonly name: string; readonly number: number };
  },
  slice: { readonly name: string; readonly family: IpFamily; readonly resourceVersion?: string },
  seated: readonly Seated[],
): BarrierSlice {
  const { namespace, name, uid } = service;
  const owner = { apiVersion: 'v1', kind: 'Service', name, uid: uid ?? '' };
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: slice.name,
      namespace,
      labels: { [SERVICE_NAME_LABEL]: name, [MANAGED_BY_LABEL]: BARRIER_MANAGED_BY },
      // Goes with the Service.
      ...(uid === undefined ? {} : { ownerReferences: [owner] }),
      ...(slice.resourceVersion === undefined ? {} : { resourceVersion: slice.resourceVersion }),
    },
    addressType: slice.family,
    endpoints: seated.flatMap(({ node, seat, number }) =>
      seatAddresses(slice.family, seat, number).map((address) => ({ addresses: [address], nodeName: node })),
    ),
    ports: [{ name: service.port.name, port: service.port.number, protocol: 'TCP' }],
  };
}

/** Who sits where, with which number; endpoints that are not the barrier's are left out, and so go with the next write. */
export function seatedIn(slice: BarrierSlice): readonly Seated[] {
  const seats = new Map<string, { readonly seat: number; readonly addresses: Set<string> }>();
  for (const { addresses, nodeName } of slice.endpoints ?? []) {
    const [address = ''] = addresses;
    const seat = seatOf(slice.addressType, address);
    if (nodeName === undefined || seat === undefined) continue;
    const sitting = seats.get(nodeName);
    if (sitting === undefined) seats.set(nodeName, { seat, addresses: new Set([address]) });
    else sitting.addresses.add(address);
  }
  return [...seats].map(([node, { seat, addresses }]) => ({ node, seat, number: addresses.size }));
}
