import { parseArgs } from 'node:util';
import { requireClusterName } from '../cluster/addressPlan.ts';
import { type ClusterOptions, defaultProxyMode, type ProxyMode } from '../cluster/index.ts';
import { defaultKubernetes, parseKubernetesVersion } from '../cluster/kubernetesVersions.ts';
import { SERVER_NAMES, type ServerName } from './lossReport.ts';
import type { ConnectionMode } from './plan.ts';

const PROXY_MODES: readonly ProxyMode[] = ['iptables', 'nftables'];
const MODES: readonly ConnectionMode[] = ['new-connection', 'keep-alive'];

/** What can be said on the command lines of the demo and of the loss bench. */
export interface LossArguments {
  readonly servers?: readonly ServerName[];
  readonly modes?: readonly ConnectionMode[];
  readonly ratePerSecond?: number;
  readonly minimumRequests?: number;
  readonly rollouts?: number;
  /** Which cluster. */
  readonly cluster: Pick<ClusterOptions, 'name' | 'kubernetes' | 'proxyMode'>;
  readonly output?: string;
  readonly json: boolean;
  readonly help: boolean;
}

/** Arguments that cannot be understood; the message says which one and what is allowed. Shown to people without a stack. */
export class LossArgumentError extends Error {
  override readonly name = 'LossArgumentError';
}

/** The options, for `--help`; `outputFolder` is where this program puts its files when it is not told. */
export function lossUsage(outputFolder: string): string {
  return [
    `  --server NAME       only this server (${SERVER_NAMES.join(', ')}); may be repeated`,
    `  --mode NAME         only this way to connect (${MODES.join(', ')}); may be repeated`,
    '  --rate N            requests per second and row (500)',
    '  --requests N        requests per row, at least (20000)',
    '  --rollouts N        rolling restarts of each Deployment (2)',
    '  --name NAME         another cluster than graceful-rollout',
    `  --kubernetes X.Y.Z  version of the cluster (${defaultKubernetes})`,
    `  --proxy-mode MODE   of its kube-proxies (${PROXY_MODES.join(', ')}; ${defaultProxyMode})`,
    `  --output FOLDER     where the picture and the data go (${outputFolder})`,
  ].join('\n');
}

/**
 * Reads the arguments.
 * @throws LossArgumentError that names the wrong one and what is allowed.
 */
export function parseLossArguments(args: readonly string[]): LossArguments {
  try {
    return readLossArguments(args);
  } catch (error) {
    throw new LossArgumentError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function readLossArguments(args: readonly string[]): LossArguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      server: { type: 'string', multiple: true },
      mode: { type: 'string', multiple: true },
      rate: { type: 'string' },
      requests: { type: 'string' },
      rollouts: { type: 'string' },
      name: { type: 'string' },
      kubernetes: { type: 'string' },
      'proxy-mode': { type: 'string' },
      output: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const { server, mode, rate, requests, rollouts, name, kubernetes, output, json, help } = values;
  const proxyMode = values['proxy-mode'];
  if (name !== undefined) requireClusterName(name);
  if (kubernetes !== undefined) parseKubernetesVersion(kubernetes);
  return {
    ...(server === undefined ? {} : { servers: server.map((name) => oneOf('--server', name, SERVER_NAMES)) }),
    ...(mode === undefined ? {} : { modes: mode.map((name) => oneOf('--mode', name, MODES)) }),
    ...(rate === undefined ? {} : { ratePerSecond: positive('--rate', rate) }),
    ...(requests === undefined ? {} : { minimumRequests: positive('--requests', requests) }),
    ...(rollouts === undefined ? {} : { rollouts: positive('--rollouts', rollouts) }),
    cluster: {
      ...(name === undefined ? {} : { name }),
      ...(kubernetes === undefined ? {} : { kubernetes }),
      ...(proxyMode === undefined ? {} : { proxyMode: oneOf('--proxy-mode', proxyMode, PROXY_MODES) }),
    },
    ...(output === undefined ? {} : { output }),
    json,
    help,
  };
}

function oneOf<T extends string>(option: string, name: string, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === name);
  if (found === undefined) throw new Error(`${option} ${name}: not one of ${allowed.join(', ')}`);
  return found;
}

function positive(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value <= 0) throw new Error(`${option} ${text}: not a whole number above 0`);
  return value;
}
