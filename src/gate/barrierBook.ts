import { found, type NodeNumber, nextNumber, published, reported } from './barrierNumbers.ts';
import { type BarrierSlice, type IpFamily, SEATS, type Seated, seatedIn, sliceName } from './barrierSlices.ts';

/** One proxy: kube-proxy has one of its own per address family. */
export interface ProxyKey {
  readonly family: IpFamily;
  readonly node: string;
}

/** A slice to write: all of it, with the version that it must still have. */
export interface SlicePlan {
  readonly name: string;
  readonly family: IpFamily;
  /** Absent: it does not exist yet. */
  readonly resourceVersion?: string;
  readonly seated: readonly Seated[];
  /** Nodes whose number is new in it. */
  readonly raised: readonly Seated[];
}

interface Entry {
  readonly key: ProxyKey;
  readonly seat: number;
  readonly slice: string;
  known: NodeNumber;
  vanishedAtMs?: number;
}

/**
 * A node that vanished before its proxy had settled keeps its endpoints for so long: taken out, it would report 0 as a node does
 * that was never in, while older numbers may still be on their way to it. After this time nobody waits for such a proxy.
 */
const KEEP_VANISHED_MS = 60 * 60 * 1000;

/**
 * Who sits where in the slices of one Service, with which number. Pure memory of what the API server has and of what proxies
 * said; every slice is written against the version that this memory is of, so that a second writer (an old leader) is noticed.
 */
export class BarrierBook {
  readonly #service: string;
  #stale = true;
  readonly #entries = new Map<string, Entry>();
  /** Nodes outside the slices. */
  readonly #outside = new Map<string, NodeNumber>();
  readonly #versions = new Map<string, string>();
  /** Slices with something in them that is not from this program: written anew with the next plan. */
  readonly #dirty = new Map<string, IpFamily>();

  constructor(service: string) {
    this.#service = service;
  }

  /** Takes over what the API server has; what is of the version known already stays as it is known. */
  adopt(slices: readonly BarrierSlice[]): void {
    this.#stale = false;
    const versions = new Map(slices.map(({ metadata }) => [metadata.name ?? '', metadata.resourceVersion ?? '']));
    const same = (name: string): boolean => versions.has(name) && versions.get(name) === this.#versions.get(name);
    for (const [id, { slice }] of this.#entries) if (!same(slice)) this.#entries.delete(id);
    for (const slice of slices) {
      const name = slice.metadata.name ?? '';
      if (same(name)) continue;
      this.#versions.set(name, versions.get(name) ?? '');
      const seated = seatedIn(slice);
      const entered = seated.filter((each) => this.#enter(slice.addressType, name, each));
      const endpoints = entered.reduce((sum, { number }) => sum + number, 0);
      if (endpoints === (slice.endpoints?.length ?? 0)) this.#dirty.delete(name);
      else this.#dirty.set(name, slice.addressType);
    }
    for (const name of this.#versions.keys()) if (!versions.has(name)) this.#forget(name);
    // Whoever is outside now may have been inside in between.
    this.#outside.clear();
  }

  /** False: a seat outside its slice, or a node that sits in another slice too. Left out, it goes with the next write. */
  #enter(family: IpFamily, slice: string, { node, seat, number }: Seated): boolean {
    const key = { family, node };
    if (sliceName(this.#service, family, seat) !== slice || this.#entries.has(idOf(key))) return false;
    this.#entries.set(idOf(key), { key, seat, slice, known: found(number) });
    return true;
  }

  /** What is known of a proxy's number. */
  known(key: ProxyKey): NodeNumber {
    return this.#entries.get(idOf(key))?.known ?? this.#outside.get(idOf(key)) ?? found(0);
  }

  /** Whether a proxy can be given a new number now; else it must report its present one first. */
  free(key: ProxyKey): boolean {
    return nextNumber(this.known(key)) !== undefined;
  }

  /** A proxy reported a number. */
  reported(key: ProxyKey, number: number): void {
    const entry = this.#entries.get(idOf(key));
    if (entry !== undefined) entry.known = reported(entry.known, number);
    else this.#outside.set(idOf(key), reported(this.known(key), number));
  }

  /**
   * The writes that give each of `wanted` (which must be free) a new number. Nodes that are not present go out of the slices that
   * are written: `isPresent` answers for all of them. `nowMs`: monotonic.
   */
  plan(wanted: readonly ProxyKey[], isPresent: (key: ProxyKey) => boolean, nowMs: number): readonly SlicePlan[] {
    const staying = this.#staying(isPresent, nowMs);
    const plans = new Map<string, { readonly family: IpFamily; readonly raised: Seated[] }>();
    for (const [name, family] of this.#dirty) plans.set(name, { family, raised: [] });
    const taken = new Set(staying.map(({ key, seat }) => `${key.family}/${seat}`));
    const lowest = { IPv4: 0, IPv6: 0 };
    for (const key of wanted) {
      const number = nextNumber(this.known(key));
      if (number === undefined) continue;
      let seat = this.#entries.get(idOf(key))?.seat;
      if (seat === undefined) {
        while (taken.has(`${key.family}/${lowest[key.family]}`)) lowest[key.family] += 1;
        seat = lowest[key.family];
        if (seat >= SEATS) continue;
        taken.add(`${key.family}/${seat}`);
      }
      const name = sliceName(this.#service, key.family, seat);
      const plan = plans.get(name) ?? { family: key.family, raised: [] };
      plans.set(name, plan);
      plan.raised.push({ node: key.node, seat, number });
    }
    return [...plans].map(([name, { family, raised }]) => {
      const again = new Set(raised.map(({ node }) => node));
      const others = staying
        .filter(({ slice, key }) => slice === name && !again.has(key.node))
        .map(({ key, seat, known }) => ({ node: key.node, seat, number: known.latest }));
      const resourceVersion = this.#versions.get(name);
      const seated = [...others, ...raised].toSorted((a, b) => a.seat - b.seat);
      return { name, family, seated, raised, ...(resourceVersion === undefined ? {} : { resourceVersion }) };
    });
  }

  #staying(isPresent: (key: ProxyKey) => boolean, nowMs: number): readonly Entry[] {
    return [...this.#entries.values()].filter((entry) => {
      if (isPresent(entry.key)) {
        delete entry.vanishedAtMs;
        return true;
      }
      entry.vanishedAtMs ??= nowMs;
      return !entry.known.settled && nowMs - entry.vanishedAtMs < KEEP_VANISHED_MS;
    });
  }

  /** A planned slice was written. */
  written(plan: SlicePlan, resourceVersion: string): void {
    const raised = new Map(plan.raised.map(({ node, number }) => [node, number]));
    const before = new Map([...this.#entries].filter(([, { slice }]) => slice === plan.name));
    for (const id of before.keys()) this.#entries.delete(id);
    for (const { node, seat } of plan.seated) {
      const key = { family: plan.family, node };
      const known = before.get(idOf(key))?.known ?? this.#outside.get(idOf(key)) ?? found(0);
      const number = raised.get(node);
      const now = number === undefined ? known : published(known, number);
      const vanishedAtMs = before.get(idOf(key))?.vanishedAtMs;
      const entry: Entry = { key, seat, slice: plan.name, known: now };
      this.#entries.set(idOf(key), vanishedAtMs === undefined ? entry : { ...entry, vanishedAtMs });
      this.#outside.delete(idOf(key));
    }
    this.#versions.set(plan.name, resourceVersion);
    this.#dirty.delete(plan.name);
  }

  /** It is not known what a slice holds (a conflict, a broken connection): see {@link isStale}. */
  doubt(name: string): void {
    this.#stale = true;
    this.#forget(name);
  }

  /** Nothing was read yet, or something is in doubt: `adopt` must be called before the next plan. */
  get isStale(): boolean {
    return this.#stale;
  }

  #forget(name: string): void {
    this.#versions.delete(name);
    this.#dirty.delete(name);
  }

  /** Forgets nodes outside the slices that are not there any more. */
  prune(isPresent: (key: ProxyKey) => boolean): void {
    for (const id of this.#outside.keys()) if (!isPresent(keyOf(id))) this.#outside.delete(id);
  }
}

function idOf({ family, node }: ProxyKey): string {
  return `${family}/${node}`;
}

function keyOf(id: string): ProxyKey {
  return { family: id.startsWith('IPv4/') ? 'IPv4' : 'IPv6', node: id.slice(5) };
}
