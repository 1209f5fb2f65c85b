const controlPlanePods = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'etcd'];
const units = ['kubelet', 'containerd'];
const podOfEveryNode = 'kube-proxy';

/** Components of a kind cluster that have a log, named as the local provider's: `etcd`, `<node>/kubelet`. */
export function kindComponents(cluster: string, workers: readonly string[]): string[] {
  const ofNodes = [controlPlaneNode(cluster), ...workers].flatMap((node) =>
    [...units, podOfEveryNode].map((component) => `${node}/${component}`),
  );
  return [...controlPlanePods, ...ofNodes];
}

/**
 * The command that prints the log of one of {@link kindComponents}: systemd's for what runs as a unit of the node; else
 * the file that the kubelet keeps for `kubectl logs`, which is there also while the API server is not.
 */
export function kindLogCommand(engine: string, cluster: string, component: string): string[] {
  const [first = '', second] = component.split('/');
  const [node, program] = second === undefined ? [controlPlaneNode(cluster), first] : [first, second];
  const reading = units.includes(program)
    ? ['journalctl', '--no-pager', `--unit=${program}`]
    : ['sh', '-c', `cat /var/log/containers/${program}-*_kube-system_*.log`];
  return [engine, 'exec', node, ...reading];
}

function controlPlaneNode(cluster: string): string {
  return `${cluster}-control-plane`;
}
