import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

/** What is built once and kept: `$GRACEFUL_ROLLOUT_CACHE`, else `graceful-rollout` in the user's cache folder. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  const own = env['GRACEFUL_ROLLOUT_CACHE'];
  if (own !== undefined && own !== '') return own;
  const xdg = env['XDG_CACHE_HOME'];
  return join(xdg === undefined || xdg === '' ? join(homedir(), '.cache') : xdg, 'graceful-rollout');
}

/** State of the clusters of nodes: `$GRACEFUL_ROLLOUT_STATE`, else below /var/lib (overlayfs needs a real disk). */
export function stateFolder(env: NodeJS.ProcessEnv = process.env): string {
  const own = env['GRACEFUL_ROLLOUT_STATE'];
  return own === undefined || own === '' ? '/var/lib/graceful-rollout' : own;
}

/** Where control planes without nodes keep theirs while they run. */
export function controlPlaneFolder(): string {
  return join(tmpdir(), 'graceful-rollout-control-plane');
}
