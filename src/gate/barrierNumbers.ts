/*
 * Which number a node's service proxy is to report next. A proxy reports how many local endpoints it has programmed, nothing
 * else, so the number is all that tells one round from another: a number that the proxy may still report from an earlier round
 * would confirm a round that it has not seen. docs/decisions/0008.
 */

/** The largest number that is ever asked for: each costs an endpoint in every proxy's watch. */
export const LARGEST_NUMBER = 8;

/** What is known of one node's number. */
export interface NodeNumber {
  /** In the slices now; 0: the node is in no slice. */
  readonly latest: number;
  /**
   * Every number that the proxy may still report, in the order of their publication, `latest` last. Absent: unknown (a new
   * leader, somebody else's write); the proxy must report `latest` before it is given another.
   */
  readonly possible?: readonly number[];
  /** The proxy has reported `latest` since that was published. */
  readonly settled: boolean;
}

/**
 * What is known of a number that was only read: whoever published it chose one that the proxy could not report at that time, so
 * a proxy that reports it is up to date. 0 is different in every life of the node only while nodes that have not settled stay in
 * the slices when they vanish: see `BarrierBook`.
 */
export function found(latest: number): NodeNumber {
  return { latest, settled: false };
}

/** The smallest number that the proxy cannot report yet; undefined: it must report `latest` first. */
export function nextNumber({ possible }: NodeNumber): number | undefined {
  if (possible === undefined) return undefined;
  for (let number = 1; number <= LARGEST_NUMBER; number += 1) if (!possible.includes(number)) return number;
  return undefined;
}

/** A number was written. Throws on one that `nextNumber` would not have given out: it could confirm by itself. */
export function published(known: NodeNumber, number: number): NodeNumber {
  const { possible } = known;
  if (possible === undefined || possible.includes(number) || number < 1 || number > LARGEST_NUMBER)
    throw new Error(`${number} may not follow ${JSON.stringify(known)}`);
  return { latest: number, possible: [...possible, number], settled: false };
}

/**
 * The proxy reported a number. It has passed everything before that, but for the number just before: a proxy that starts again
 * may list from an API server whose cache is behind. So a settled node goes round three numbers, not two.
 */
export function reported(known: NodeNumber, number: number): NodeNumber {
  const { latest, possible } = known;
  if (possible === undefined) return number === latest ? { latest, possible: [latest], settled: true } : known;
  const at = possible.indexOf(number);
  if (at === -1) return known;
  return { latest, possible: possible.slice(Math.max(0, at - 1)), settled: known.settled || number === latest };
}
