/** No VCS stamp, no workspace of the caller's; fewer collections: the compiler's memory is small, its collector slow. */
export const goEnvironment = { GOFLAGS: '-buildvcs=false', GOWORK: 'off', CGO_ENABLED: '0', GOGC: '400' } as const;

/**
 * Flags of every build, the same everywhere, so that builds share what they compile. No debug information: it would be
 * thrown away in the end (`-s -w`).
 */
export const goBuildFlags = ['-trimpath', '-gcflags=all=-dwarf=false'] as const;
