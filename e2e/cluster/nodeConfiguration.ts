import { join } from 'node:path';
import type { AddressPlan, NodePlan } from './addressPlan.ts';
import type { ProxyMode } from './cluster.ts';

/** Name of the image that every pod's sandbox runs. */
export const sandboxImage = 'graceful-rollout.local/pause:1';

/** Folders and files of one node; nothing is shared with another node. */
export interface NodeFolders {
  folder: string;
  containerdSocket: string;
  containerdConfig: string;
  cniConfig: string;
  kubeletConfig: string;
  kubeletRoot: string;
  podLogs: string;
  kubeProxyConfig: string;
  kubeconfig: string;
  kubeProxyKubeconfig: string;
}

/** @param runFolder holds sockets: their paths may be 107 characters long at most */
export function nodeFolders(folder: string, runFolder: string): NodeFolders {
  return {
    folder,
    containerdSocket: join(runFolder, 'containerd.sock'),
    containerdConfig: join(folder, 'containerd.toml'),
    cniConfig: join(folder, 'cni', '10-bridge.conflist'),
    kubeletConfig: join(folder, 'kubelet.json'),
    kubeletRoot: join(folder, 'kubelet'),
    podLogs: join(folder, 'pod-logs'),
    kubeProxyConfig: join(folder, 'kube-proxy.json'),
    kubeconfig: join(folder, 'kubelet.kubeconfig'),
    kubeProxyKubeconfig: join(folder, 'kube-proxy.kubeconfig'),
  };
}

/** containerd's configuration, TOML. */
export function containerdConfiguration(folders: NodeFolders, runFolder: string): string {
  return `version = 2
root = "${join(folders.folder, 'containerd')}"
state = "${join(runFolder, 'containerd')}"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs"]

[grpc]
  address = "${folders.containerdSocket}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${sandboxImage}"
  disable_apparmor = true
  # Without CAP_SYS_RESOURCE runc cannot lower oom_score_adj and dies with "can't get final child's PID from pipe".
  restrict_oom_score_adj = true

[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "overlayfs"
  default_runtime_name = "runc"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "${join(folders.folder, 'cni')}"
`;
}

/** Pods hang on a bridge of their node; other subnets are reached by routes, and nothing is masqueraded. */
export function cniConfiguration(cluster: string, node: NodePlan, folders: NodeFolders): string {
  return json({
    cniVersion: '0.4.0',
    name: `${cluster}-${node.name}`,
    plugins: [
      {
        type: 'bridge',
        bridge: 'cni0',
        isGateway: true,
        ipMasq: false,
        hairpinMode: true,
        ipam: {
          type: 'host-local',
          dataDir: join(folders.folder, 'cni-addresses'),
          ranges: [[{ subnet: node.podSubnet }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  });
}

/** KubeletConfiguration v1beta1. */
export function kubeletConfiguration(node: NodePlan, folders: NodeFolders, caFile: string, cgroupRoot: string): string {
  return json({
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: node.address,
    port: 10250,
    healthzBindAddress: '127.0.0.1',
    authentication: { anonymous: { enabled: false }, webhook: { enabled: true }, x509: { clientCAFile: caFile } },
    authorization: { mode: 'Webhook' },
    containerRuntimeEndpoint: `unix://${folders.containerdSocket}`,
    cgroupDriver: 'cgroupfs',
    cgroupRoot,
    failCgroupV1: false,
    failSwapOn: false,
    enforceNodeAllocatable: [],
    localStorageCapacityIsolation: false,
    // This machine's disk and memory are shared with everything else on it: never evict, never collect images.
    evictionHard: {
      'memory.available': '0%',
      'nodefs.available': '0%',
      'imagefs.available': '0%',
      'pid.available': '0%',
    },
    imageGCHighThresholdPercent: 100,
    resolvConf: '',
    podLogsDir: folders.podLogs,
    // Tests kill containers; the default back-off of up to five minutes would be all they measure (KEP-4603).
    crashLoopBackOff: { maxContainerRestartPeriod: '1s' },
    featureGates: { KubeletCrashLoopBackOffMax: true },
  });
}

/** KubeProxyConfiguration v1alpha1. */
export function kubeProxyConfiguration(
  plan: AddressPlan,
  options: { nodeName: string; kubeconfig: string; mode: ProxyMode },
): string {
  return json({
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: options.mode,
    hostnameOverride: options.nodeName,
    clientConnection: { kubeconfig: options.kubeconfig },
    clusterCIDR: plan.clusterCidr,
    detectLocalMode: 'ClusterCIDR',
    healthzBindAddress: '0.0.0.0:10256',
    metricsBindAddress: '127.0.0.1:10249',
    // The machine's conntrack table is not a namespace's to size.
    conntrack: { maxPerCore: 0 },
  });
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
