import { type AddressPlan, type NodePlan, networkNamespaces } from './addressPlan.ts';

/**
 * A shell script that lays the network of a cluster. No namespace has a way out of it: there are default routes, because
 * kube-proxy and the API server want one, but what is not an address of the cluster is unreachable before they are asked.
 * They end on the bridge, where this machine would answer for all its addresses; and its leg does not forward.
 */
export function networkScript(plan: AddressPlan): string {
  return [
    ...networkNamespaces(plan).flatMap((namespace) => namespaceLines(plan, namespace)),
    ...controlPlaneLines(plan),
    ...hostLines(plan),
    ...plan.nodes.flatMap((node) => nodeLines(plan, node)),
    ...plan.nodes.flatMap((node) => clientLines(plan, node)),
    '',
  ].join('\n');
}

function namespaceLines(plan: AddressPlan, namespace: string): string[] {
  const ip = `ip -n ${namespace}`;
  return [
    `ip netns add ${namespace}`,
    `${ip} link set lo up`,
    // Before every table with a default route (the client's have 200), after that of the namespace's own addresses.
    `${ip} rule add not to ${plan.range} unreachable pref 100`,
  ];
}

function controlPlaneLines(plan: AddressPlan): string[] {
  const ip = `ip -n ${plan.controlPlaneNamespace}`;
  return [
    `${ip} link add br0 type bridge`,
    `${ip} addr add ${plan.controlPlaneAddress}/24 dev br0`,
    `${ip} link set br0 up`,
    `${ip} route add default dev br0`,
    // Frames between nodes only pass through here; this namespace's own rules are not for them.
    sysctlIfThere(plan.controlPlaneNamespace, 'net.bridge.bridge-nf-call-iptables', 0),
    ...plan.nodes.map((node) => `${ip} route add ${node.podSubnet} via ${node.address}`),
    ...plan.nodes.map((node) => `${ip} route add ${node.clientSubnet} via ${node.address}`),
  ];
}

function hostLines(plan: AddressPlan): string[] {
  return [
    `ip link add ${plan.hostInterface} type veth peer name host netns ${plan.controlPlaneNamespace}`,
    `ip -n ${plan.controlPlaneNamespace} link set host master br0 up`,
    `echo 0 > /proc/sys/net/ipv4/conf/${plan.hostInterface}/forwarding`,
    `ip addr add ${plan.hostAddress}/24 dev ${plan.hostInterface}`,
    `ip link set ${plan.hostInterface} up`,
  ];
}

function nodeLines(plan: AddressPlan, node: NodePlan): string[] {
  const ip = `ip -n ${node.namespace}`;
  const others = plan.nodes.filter((other) => other !== node);
  return [
    `${ip} link add eth0 type veth peer name ${node.name} netns ${plan.controlPlaneNamespace}`,
    `ip -n ${plan.controlPlaneNamespace} link set ${node.name} master br0 up`,
    `${ip} addr add ${node.address}/24 dev eth0`,
    `${ip} link set eth0 up`,
    `${ip} route add default dev eth0`,
    `ip netns exec ${node.namespace} sh -c "echo 1 > /proc/sys/net/ipv4/ip_forward"`,
    // A pod that answers a neighbour's Service connection does so over the pod bridge, past kube-proxy's translation.
    sysctlIfThere(node.namespace, 'net.bridge.bridge-nf-call-iptables', 1),
    ...others.map((other) => `${ip} route add ${other.podSubnet} via ${other.address}`),
    ...others.map((other) => `${ip} route add ${other.clientSubnet} via ${other.address}`),
  ];
}

/** The link between a node and the client; the client's sources choose their way by policy routing. */
function clientLines(plan: AddressPlan, node: NodePlan): string[] {
  const client = `ip -n ${plan.clientNamespace}`;
  const table = 100 + node.index;
  return [
    `ip -n ${node.namespace} link add client type veth peer name ${node.name} netns ${plan.clientNamespace}`,
    `ip -n ${node.namespace} addr add ${node.clientGateway}/24 dev client`,
    `ip -n ${node.namespace} link set client up`,
    ...node.clientSources.map((source) => `${client} addr add ${source}/24 dev ${node.name}`),
    `${client} link set ${node.name} up`,
    `${client} route add default via ${node.clientGateway} dev ${node.name} table ${table}`,
    `${client} rule add from ${node.clientSubnet} lookup ${table} pref 200`,
    // Without a source of its own, a connection enters by the first node.
    ...(node.index === 1 ? [`${client} route replace default via ${node.clientGateway} dev ${node.name}`] : []),
  ];
}

/** Sets a sysctl that may be missing from this kernel. */
function sysctlIfThere(namespace: string, key: string, value: number): string {
  const path = `/proc/sys/${key.replaceAll('.', '/')}`;
  return `ip netns exec ${namespace} sh -c '[ ! -e ${path} ] || echo ${value} > ${path}'`;
}
