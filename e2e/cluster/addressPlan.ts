/** Number of clusters that can be up side by side: each takes one /16 from 10.200.0.0/16 on. */
export const slots = 16;

/** More nodes than this do not fit the plan, nor the machine. */
export const maximumNodes = 8;

/** Source addresses of the client per node: one address runs out of fresh ports after 28,000 connections. */
const sourcesPerNode = 8;

/** Addresses and names of a worker node. */
export interface NodePlan {
  /** Name in Kubernetes. */
  name: string;
  /** Counts from 1. */
  index: number;
  /** Name of its network namespace. */
  namespace: string;
  address: string;
  podSubnet: string;
  /** The client's source addresses that enter the cluster by this node. */
  clientSubnet: string;
  clientSources: readonly string[];
  /** The node's end of its link to the client. */
  clientGateway: string;
}

/** All addresses of one cluster. */
export interface AddressPlan {
  /** Everything of this cluster: all ranges and addresses below lie in it. */
  range: string;
  /** Names of the control plane's and the client's network namespaces. */
  controlPlaneNamespace: string;
  clientNamespace: string;
  /** This machine's interface to the control plane, and its address there. */
  hostInterface: string;
  hostAddress: string;
  controlPlaneAddress: string;
  apiPort: number;
  serviceCidr: string;
  /** The `kubernetes` Service: the first address of the range. */
  apiServiceAddress: string;
  podCidr: string;
  /** What kube-proxy takes for local, and so does not masquerade: pods and clients. */
  clusterCidr: string;
  nodes: readonly NodePlan[];
  /** All clients' sources; neighbours enter by different nodes. */
  clientSources: readonly string[];
}

/**
 * Addresses of the cluster in a slot. Client sources belong to a node each: every other node routes its answers to them
 * through that node, so that the node which translated a Service's address also sees the answer.
 */
export function planAddresses(name: string, slot: number, nodeCount: number): AddressPlan {
  if (!/^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$/.test(name)) {
    throw new Error(
      `"${name}" is not a cluster name: at most 32 lower-case letters, digits and dashes, a letter first`,
    );
  }
  if (!Number.isInteger(nodeCount) || nodeCount < 0 || nodeCount > maximumNodes) {
    throw new Error(`a cluster has 1 to ${maximumNodes} nodes, not ${nodeCount}`);
  }
  if (!Number.isInteger(slot) || slot < 0 || slot >= slots) throw new Error(`there is no slot ${slot}`);
  const prefix = `10.${200 + slot}`;
  const nodes = Array.from({ length: nodeCount }, (_, at): NodePlan => {
    const index = at + 1;
    const clients = `${prefix}.${192 + index}`;
    return {
      name: `node-${index}`,
      index,
      namespace: `${name}-node-${index}`,
      address: `${prefix}.0.${10 + index}`,
      podSubnet: `${prefix}.${128 + index}.0/24`,
      clientSubnet: `${clients}.0/24`,
      clientSources: Array.from({ length: sourcesPerNode }, (_, source) => `${clients}.${source + 1}`),
      clientGateway: `${clients}.254`,
    };
  });
  return {
    range: `${prefix}.0.0/16`,
    controlPlaneNamespace: `${name}-control-plane`,
    clientNamespace: `${name}-client`,
    hostInterface: `gr${slot}`,
    hostAddress: `${prefix}.0.1`,
    controlPlaneAddress: `${prefix}.0.2`,
    apiPort: 6443,
    serviceCidr: `${prefix}.32.0/20`,
    apiServiceAddress: `${prefix}.32.1`,
    podCidr: `${prefix}.128.0/18`,
    clusterCidr: `${prefix}.128.0/17`,
    nodes,
    clientSources: Array.from({ length: sourcesPerNode }, (_, source) =>
      nodes.map((node) => node.clientSources[source] as string),
    ).flat(),
  };
}

/** @throws Error where this cannot be the name of a cluster: it goes into names of files, namespaces and cgroups */
export function requireClusterName(name: string): string {
  if (/^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$/.test(name)) return name;
  throw new Error(`"${name}" is not a cluster name: at most 32 lower-case letters, digits and dashes, a letter first`);
}

/** Network namespaces of a cluster, in the order in which they are made. */
export function networkNamespaces(plan: AddressPlan): string[] {
  return [plan.controlPlaneNamespace, ...plan.nodes.map((node) => node.namespace), plan.clientNamespace];
}
