import type { Cluster } from '../cluster/index.ts';

const TABLE = 'graceful-rollout-rig';

/** First packets of connections that passed a node with a Service's address still on them, by that address. */
export type UntranslatedCounts = ReadonlyMap<string, number>;

/** The counting rules of a run; whoever installs them removes them. */
export interface UntranslatedCounter {
  /** All nodes together, since the rules were installed. */
  read(signal: AbortSignal): Promise<UntranslatedCounts>;
  remove(): Promise<void>;
}

/**
 * Makes every node count the connections to Services that kube-proxy's rules did not translate; see docs/decisions/0007.
 * Counts nothing on kind, so there no loss is ever put down to the kernel.
 */
export async function countUntranslated(cluster: Cluster, signal: AbortSignal): Promise<UntranslatedCounter> {
  const nodes = cluster.provider === 'local' ? cluster.nodes : [];
  const counter: UntranslatedCounter = {
    async read(readSignal) {
      const list = ['nft', '-j', 'list', 'set', 'ip', TABLE, 'untranslated'];
      const lists = await Promise.all(
        nodes.map((node) => cluster.execIn(node, list, { check: true, signal: readSignal })),
      );
      return sumUntranslated(lists.map(({ stdout }) => stdout));
    },
    async remove() {
      const input = `add table ip ${TABLE}\ndelete table ip ${TABLE}\n`;
      await Promise.all(nodes.map((node) => cluster.execIn(node, ['nft', '-f', '-'], { input, check: true })));
    },
  };
  const input = untranslatedRules(cluster.serviceCidr);
  try {
    await Promise.all(nodes.map((node) => cluster.execIn(node, ['nft', '-f', '-'], { input, check: true, signal })));
  } catch (error) {
    await counter.remove().catch(() => undefined);
    throw error;
  }
  return counter;
}

/**
 * The rules, in place of those that a killed run may have left. Clients come in from outside the node, so their packets
 * are forwarded: after translation (prerouting), before any rule that rejects (forward, priority 0).
 */
export function untranslatedRules(serviceCidr: string): string {
  return `add table ip ${TABLE}
delete table ip ${TABLE}
table ip ${TABLE} {
  set untranslated { type ipv4_addr; flags dynamic; size 4096; }
  chain forward {
    type filter hook forward priority -300;
    ct state new ip daddr ${serviceCidr} update @untranslated { ip daddr counter }
  }
}
`;
}

/** Adds up what `nft -j list set` printed on each node. */
export function sumUntranslated(lists: readonly string[]): UntranslatedCounts {
  const sums = new Map<string, number>();
  for (const list of lists) {
    const { nftables } = JSON.parse(list) as NftList;
    for (const { elem } of nftables.flatMap(({ set }) => set?.elem ?? [])) {
      sums.set(elem.val, (sums.get(elem.val) ?? 0) + elem.counter.packets);
    }
  }
  return sums;
}

interface NftList {
  readonly nftables: readonly {
    readonly set?: {
      readonly elem?: readonly {
        readonly elem: { readonly val: string; readonly counter: { readonly packets: number } };
      }[];
    };
  }[];
}
