import { isOlderVersion } from './versions.ts';

/**
 * The reflector without I/O: `step(state, input)` says what to do next. At any moment exactly one thing is under way
 * (a page, the opening of a watch, a watch, a pause), so the shell performs the last effect and reports what came of
 * it. Modelled on kube-rs's watcher (kube-runtime/src/watcher.rs) and client-go's reflector (tools/cache/reflector.go).
 */
export type ReflectorState<T> =
  | { readonly phase: 'listing'; readonly failures: number; readonly listing: Listing<T> }
  /** A watch was asked for, no answer yet. */
  | { readonly phase: 'opening'; readonly failures: number; readonly version: string }
  /** `productive`: this watch has delivered something. */
  | { readonly phase: 'watching'; readonly failures: number; readonly version: string; readonly productive: boolean }
  | { readonly phase: 'pausing'; readonly failures: number; readonly next: Next };

/** A relist under way. Pages are kept aside until the last one is there: readers never see half a list. */
export interface Listing<T> {
  readonly pages: readonly (readonly T[])[];
  /** Without pages: after a page token expired, the whole list is read at once, which cannot expire. */
  readonly whole: boolean;
}

/** What a pause leads to. */
export type Next =
  | { readonly do: 'list'; readonly whole: boolean }
  | { readonly do: 'watch'; readonly version: string };

/** How much a failure says about what to do next. */
export type FailureKind =
  /** 410: the history is gone. */
  | 'expired'
  /** The server understood and refused, or sent garbage: asking the same again cannot help. */
  | 'refused'
  /** Connection, 429, 5xx: the same may work later. */
  | 'unavailable';

export type ReflectorInput<T> =
  | {
      readonly input: 'page';
      readonly items: readonly T[];
      readonly version: string;
      readonly continue: string | undefined;
    }
  /** A page, the opening of a watch or a running watch failed. `openMs`: how long a watch had been open. */
  | {
      readonly input: 'failed';
      readonly kind: FailureKind;
      readonly retryAfterMs: number | undefined;
      readonly openMs: number;
    }
  | { readonly input: 'opened' }
  | { readonly input: 'upsert' | 'remove'; readonly object: T; readonly version: string }
  | { readonly input: 'bookmark'; readonly version: string }
  /** The watch ended: by the server's time limit, a lost connection or silence. Nothing is lost, it resumes. */
  | { readonly input: 'ended'; readonly openMs: number }
  | { readonly input: 'paused' };

export type ReflectorEffect<T> =
  /** The store becomes exactly these objects. */
  | { readonly do: 'replace'; readonly items: readonly T[]; readonly version: string }
  | { readonly do: 'upsert' | 'remove'; readonly object: T }
  /** The store is complete up to this version. */
  | { readonly do: 'advance'; readonly version: string }
  | { readonly do: 'closeWatch'; readonly why: string }
  | { readonly do: 'list'; readonly continue: string | undefined; readonly whole: boolean }
  | { readonly do: 'watch'; readonly version: string; readonly timeoutSeconds: number }
  | { readonly do: 'pause'; readonly ms: number };

export interface Step<T> {
  readonly state: ReflectorState<T>;
  readonly effects: readonly ReflectorEffect<T>[];
}

const FIRST_BACKOFF_MS = 800;
const LONGEST_BACKOFF_MS = 30_000;
/** A watch that stayed open this long counts as success even if nothing happened in it. */
const SETTLED_WATCH_MS = 10_000;
const SHORTEST_WATCH_SECONDS = 300;
const LONGEST_WATCH_SECONDS = 600;

/** Where every reflector begins: the first page of the first list. */
export function startReflector<T>(): Step<T> {
  return list(0, false);
}

/**
 * What follows from `input` in `state`. Inputs that cannot happen in a state throw: they are a mistake of the shell.
 *
 * @param chance uniform in [0, 1); spreads time limits and back-off so that clients do not come back all at once.
 */
export function stepReflector<T>(state: ReflectorState<T>, input: ReflectorInput<T>, chance: () => number): Step<T> {
  switch (state.phase) {
    case 'listing':
      if (input.input === 'page') return onPage(state, input, chance);
      if (input.input === 'failed') return onListFailure(state, input, chance);
      break;
    case 'opening':
      if (input.input === 'opened') return { state: { ...state, phase: 'watching', productive: false }, effects: [] };
      if (input.input === 'failed') return onWatchFailure(state, state.failures, input, chance);
      break;
    case 'watching':
      return onWatching(state, input, chance);
    case 'pausing':
      if (input.input !== 'paused') break;
      return state.next.do === 'list'
        ? list(state.failures, state.next.whole)
        : watch(state.failures, state.next.version, chance);
  }
  throw new Error(`a reflector that is ${state.phase} cannot take "${input.input}"`);
}

type Watching<T> = Extract<ReflectorState<T>, { phase: 'watching' }>;
type ListingState<T> = Extract<ReflectorState<T>, { phase: 'listing' }>;
type Page<T> = Extract<ReflectorInput<T>, { input: 'page' }>;
type Failed = Extract<ReflectorInput<never>, { input: 'failed' }>;

function onPage<T>(state: ListingState<T>, page: Page<T>, chance: () => number): Step<T> {
  const pages = [...state.listing.pages, page.items];
  if (page.continue !== undefined) {
    const listing = { ...state.listing, pages };
    return {
      state: { ...state, listing },
      effects: [{ do: 'list', continue: page.continue, whole: listing.whole }],
    };
  }
  const opening = watch<T>(state.failures, page.version, chance);
  const items = pages.length === 1 ? page.items : pages.flat();
  return {
    state: opening.state,
    effects: [{ do: 'replace', items, version: page.version }, ...opening.effects],
  };
}

function onListFailure<T>(state: ListingState<T>, failed: Failed, chance: () => number): Step<T> {
  const expired = failed.kind === 'expired';
  // The token expired in the middle of paging. Once: begin again at once, in one piece.
  if (expired && !state.listing.whole) return list(state.failures + 1, true);
  return pause(state.failures, { do: 'list', whole: state.listing.whole }, failed.retryAfterMs, chance);
}

function onWatching<T>(state: Watching<T>, input: ReflectorInput<T>, chance: () => number): Step<T> {
  switch (input.input) {
    case 'upsert':
    case 'remove':
    case 'bookmark': {
      if (isOlderVersion(input.version, state.version)) return onBackwards(state, input.version, chance);
      const advance = { do: 'advance', version: input.version } as const;
      return {
        state: { ...state, failures: 0, version: input.version, productive: true },
        effects: input.input === 'bookmark' ? [advance] : [{ do: input.input, object: input.object }, advance],
      };
    }
    case 'ended':
    case 'failed': {
      const settled = state.productive || input.openMs >= SETTLED_WATCH_MS;
      if (input.input === 'failed') return onWatchFailure(state, settled ? 0 : state.failures, input, chance);
      if (settled) return watch(0, state.version, chance);
      return pause(state.failures, { do: 'watch', version: state.version }, undefined, chance);
    }
    case 'page':
    case 'opened':
    case 'paused':
      throw new Error(`a reflector that is watching cannot take "${input.input}"`);
  }
}

/**
 * The server's history was rewritten (etcd restored from a backup) or it answers from the past: nothing of this watch
 * can be trusted, and a watch from our version might stay silent until the server catches up. Only a new list helps.
 */
function onBackwards<T>(state: Watching<T>, version: string, chance: () => number): Step<T> {
  const why = `resourceVersion went backwards, from ${state.version} to ${version}`;
  const next =
    state.failures === 0
      ? list<T>(1, false)
      : pause<T>(state.failures, { do: 'list', whole: false }, undefined, chance);
  return { state: next.state, effects: [{ do: 'closeWatch', why }, ...next.effects] };
}

function onWatchFailure<T>(
  state: { readonly version: string },
  failures: number,
  failed: Failed,
  chance: () => number,
): Step<T> {
  switch (failed.kind) {
    case 'expired':
      return failures === 0
        ? list(1, false)
        : pause(failures, { do: 'list', whole: false }, failed.retryAfterMs, chance);
    case 'refused':
      return pause(failures, { do: 'list', whole: false }, failed.retryAfterMs, chance);
    case 'unavailable':
      return pause(failures, { do: 'watch', version: state.version }, failed.retryAfterMs, chance);
  }
}

function list<T>(failures: number, whole: boolean): Step<T> {
  return {
    state: { phase: 'listing', failures, listing: { pages: [], whole } },
    effects: [{ do: 'list', continue: undefined, whole }],
  };
}

function watch<T>(failures: number, version: string, chance: () => number): Step<T> {
  const spread = LONGEST_WATCH_SECONDS - SHORTEST_WATCH_SECONDS;
  const timeoutSeconds = SHORTEST_WATCH_SECONDS + Math.floor(chance() * spread);
  return {
    state: { phase: 'opening', failures, version },
    effects: [{ do: 'watch', version, timeoutSeconds }],
  };
}

function pause<T>(failures: number, next: Next, retryAfterMs: number | undefined, chance: () => number): Step<T> {
  const ms = Math.max(backoffMs(failures, chance), retryAfterMs ?? 0);
  return { state: { phase: 'pausing', failures: failures + 1, next }, effects: [{ do: 'pause', ms }] };
}

/** 800 ms after the first failure in a row, doubling up to 30 s, each ± 25 %. */
export function backoffMs(failures: number, chance: () => number): number {
  const base = Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.min(failures, 16));
  return Math.round(base * (0.75 + 0.5 * chance()));
}
