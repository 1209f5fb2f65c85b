declare const GRACEFUL_ROLLOUT_VERSION: string | undefined;

/** Version of the operator; scripts/build.ts puts it into the bundle. */
export const version = typeof GRACEFUL_ROLLOUT_VERSION === 'string' ? GRACEFUL_ROLLOUT_VERSION : 'dev';
