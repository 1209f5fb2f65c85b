import { matchesServiceSelector } from '../api/labelSelector.ts';
import type { ServiceFacts } from './types.ts';

type Labels = Readonly<Record<string, string>>;

/** Somebody else's selector that looks at a label of the pod. */
export interface SelectedKey {
  readonly key: string;
  /** For instance `NetworkPolicy/web`. */
  readonly by: string;
}

export interface Isolation {
  /** The labels to take off, with the values they have. */
  readonly labels: Labels;
  /** The selectors of others that lose the pod too. */
  readonly collateral: readonly SelectedKey[];
}

/** Beyond this many looks the exact search gives up: more Services with more keys than anybody has. */
const mostLooks = 20_000;

/**
 * The smallest set of labels without which no Service selects the pod any more; among the smallest the one that the
 * fewest selectors of others look at, then the first by name. A selector is a conjunction of `key=value`
 * (core/v1 ServiceSpec.selector), so each Service loses the pod with any one of its keys: a minimum hitting set.
 */
export function labelsToRemove(
  podLabels: Labels,
  services: readonly Pick<ServiceFacts, 'selector'>[],
  selectedOn: readonly SelectedKey[],
): Isolation {
  const rows = services
    .filter(({ selector }) => matchesServiceSelector(selector, podLabels))
    .map(({ selector }) => Object.keys(selector).sort());
  const keys = (smallestCover(rows, selectedOn) ?? greedyCover(rows, selectedOn)).toSorted();
  return {
    labels: Object.fromEntries(keys.map((key) => [key, podLabels[key] ?? ''])),
    collateral: selectedOn.filter(({ key }) => keys.includes(key)),
  };
}

type Rows = readonly (readonly string[])[];

/** Depth by depth, branching over the keys of the first Service that still selects. Undefined: too much to look at. */
function smallestCover(rows: Rows, selectedOn: readonly SelectedKey[]): readonly string[] | undefined {
  const budget = { looks: mostLooks };
  for (let size = 0; budget.looks > 0; size += 1) {
    const best = coverOf(rows, [], size, selectedOn, budget);
    if (best !== undefined && budget.looks > 0) return best;
  }
  return undefined;
}

function coverOf(
  rows: Rows,
  chosen: readonly string[],
  left: number,
  selectedOn: readonly SelectedKey[],
  budget: { looks: number },
): readonly string[] | undefined {
  budget.looks -= 1;
  const open = rows.find((row) => !row.some((key) => chosen.includes(key)));
  if (open === undefined) return chosen;
  if (left === 0 || budget.looks <= 0) return undefined;
  return open
    .map((key) => coverOf(rows, [...chosen, key], left - 1, selectedOn, budget))
    .reduce((a, b) => (a !== undefined && (b === undefined || isBetter(a, b, selectedOn)) ? a : b), undefined);
}

function isBetter(a: readonly string[], b: readonly string[], selectedOn: readonly SelectedKey[]): boolean {
  const selectors = (keys: readonly string[]): number => selectedOn.filter(({ key }) => keys.includes(key)).length;
  const difference = selectors(a) - selectors(b);
  return difference === 0 ? a.toSorted().join('\n') < b.toSorted().join('\n') : difference < 0;
}

/** Not always the smallest: the key that most of the remaining Services have, again and again. */
function greedyCover(rows: Rows, selectedOn: readonly SelectedKey[]): readonly string[] {
  const chosen: string[] = [];
  for (;;) {
    const open = rows.filter((row) => !row.some((key) => chosen.includes(key)));
    const [best] = [...new Set(open.flat())].sort((a, b) => {
      const covers = (key: string): number => open.filter((row) => row.includes(key)).length;
      return covers(b) - covers(a) || (isBetter([a], [b], selectedOn) ? -1 : 1);
    });
    if (best === undefined) return chosen;
    chosen.push(best);
  }
}
