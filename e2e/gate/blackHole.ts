import { type Client, endpointSlices } from '../../src/kube/index.ts';
import type { Cluster } from '../cluster/index.ts';

const TABLE = 'graceful-rollout-black-hole';

/**
 * Makes every node drop what comes for the endpoints of a Service from outside the node: connections hang, open ones
 * too, while the pods stay Ready (their probes come from the node itself).
 * @returns how to undo it
 */
export async function blackHole(
  cluster: Cluster,
  client: Client,
  service: { readonly namespace: string; readonly name: string },
  signal: AbortSignal,
): Promise<() => Promise<void>> {
  const labelSelector = `kubernetes.io/service-name=${service.name}`;
  const { items } = await client.list(endpointSlices, { namespace: service.namespace, labelSelector, signal });
  const rules = items.flatMap(({ endpoints = [], ports = [] }) =>
    endpoints.flatMap(({ addresses }) =>
      addresses.flatMap((address) => ports.map(({ port }) => `ip daddr ${address} tcp dport ${port} drop`)),
    ),
  );
  if (rules.length === 0) throw new Error(`Service ${service.namespace}/${service.name} has no endpoints to drop`);
  const clear = `add table ip ${TABLE}\ndelete table ip ${TABLE}\n`;
  const input = `${clear}table ip ${TABLE} {
  chain forward {
    type filter hook forward priority -300;
    ${rules.join('\n    ')}
  }
}
`;
  const everywhere = async (script: string): Promise<void> => {
    await Promise.all(
      cluster.nodes.map((node) => cluster.execIn(node, ['nft', '-f', '-'], { input: script, check: true })),
    );
  };
  await everywhere(input);
  return () => everywhere(clear);
}
