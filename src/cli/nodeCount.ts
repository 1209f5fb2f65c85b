import { isJsonObject } from '../api/json.ts';
import { ApiError, type Client, defineResource } from '../kube/index.ts';

const nodes = defineResource({ group: '', version: 'v1', plural: 'nodes', kind: 'Node', namespaced: false });

/** Nodes of which none comes by itself: made by kind or k3s, or by hand. */
const MADE_BY_HAND = /^(kind|k3s):\/\//;

/**
 * How many nodes there are, cordoned and tainted ones too. Undefined where a cloud made one of them (spec.providerID): its
 * autoscaler may make another as soon as a pod finds no place. `notice`: they may not be listed.
 */
export async function readNodeCount(
  client: Pick<Client, 'listPage'>,
  signal: AbortSignal,
): Promise<{ readonly count?: number; readonly notice?: string }> {
  let count = 0;
  let next: string | undefined;
  try {
    do {
      const page = await client.listPage(nodes, { signal, ...(next === undefined ? {} : { continue: next }) });
      for (const node of page.items) {
        const spec: unknown = 'spec' in node ? node.spec : undefined;
        const providerId = isJsonObject(spec) ? spec['providerID'] : undefined;
        if (typeof providerId === 'string' && providerId !== '' && !MADE_BY_HAND.test(providerId)) return {};
        count += 1;
      }
      next = page.continue;
    } while (next !== undefined);
  } catch (error) {
    if (!(error instanceof ApiError) || !error.forbidden) throw error;
    return { notice: `nodes may not be listed: rules that need them say nothing (${error.serverMessage})` };
  }
  // No node at all says that this is no place where pods run, not that none fits.
  return count === 0 ? {} : { count };
}
