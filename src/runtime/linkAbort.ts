/** A signal that follows others for a while. */
export interface LinkedAbort {
  readonly signal: AbortSignal;
  /** Aborts this signal alone. */
  abort(reason: Error): void;
  /** Stops following. Call when what the signal was for has ended. */
  release(): void;
}

/**
 * Like `AbortSignal.any`, for calls that end long before the signals that they follow. What `AbortSignal.any` makes is
 * kept alive by a long-lived source for as long as anybody listens to it: 1.2 kB per call that never come back (measured
 * on Node 24.21, 300,000 calls).
 */
export function linkAbort(...sources: readonly AbortSignal[]): LinkedAbort {
  const link = new AbortController();
  const links = sources.map((source) => {
    const follow = (): void => link.abort(source.reason);
    return { source, follow };
  });
  const release = (): void => {
    for (const { source, follow } of links) source.removeEventListener('abort', follow);
  };
  for (const { source, follow } of links) {
    if (source.aborted) follow();
    else source.addEventListener('abort', follow, { once: true });
  }
  return { signal: link.signal, abort: (reason) => link.abort(reason), release };
}
