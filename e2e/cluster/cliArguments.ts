import { requireClusterName } from './addressPlan.ts';
import type { ClusterOptions, Place, ProviderName } from './cluster.ts';
import { parseKubernetesVersion } from './kubernetesVersions.ts';

/** What the command line asks for. */
export type ClusterCommand =
  | { kind: 'help' }
  | { kind: 'up'; options: ClusterOptions }
  | { kind: 'down'; name?: string; all: boolean; provider?: ProviderName }
  | { kind: 'status'; name?: string }
  | { kind: 'kubeconfig'; name?: string }
  | { kind: 'tool'; name?: string; tool: 'kubectl' | 'helm' | 'helm4'; args: string[] }
  | { kind: 'load-image'; name?: string; archives: string[] }
  | { kind: 'exec'; name?: string; place: Place; argv: string[] }
  | { kind: 'logs'; name?: string; component?: string };

/** A command line that cannot be understood; its message says how it is written. */
export class UsageError extends Error {
  constructor(message: string) {
    super(`${message}\n\n${usage}`);
    this.name = 'UsageError';
  }
}

/** The help text. */
export const usage = `Usage: npm run cluster -- [--name NAME] COMMAND

  up [--nodes N] [--kubernetes 1.37.2] [--proxy-mode iptables|nftables]
     [--control-plane-only] [--provider local|kind]
                           bring the cluster up; harmless where it is up
  down [--all]             remove it with everything that belongs to it
  status                   what is up, and what is not in order
  kubeconfig               print the path of the administrator's kubeconfig
  kubectl|helm|helm4 ...   run the tool against it
  load-image ARCHIVE...    load docker-archive files into every node
  exec NODE|client|control-plane -- COMMAND
                           run a command in that network
  logs [COMPONENT]         print a component's log, or the names of all

--name NAME: another cluster than \`graceful-rollout\`; several live side by side.
After kubectl, helm, helm4 and exec everything belongs to that command: put --name first.`;

type Flags = Map<string, string | true>;

const withValue = new Set(['--name', '--nodes', '--kubernetes', '--proxy-mode', '--provider']);

/**
 * Reads the arguments after `cluster --`.
 * @throws UsageError
 */
export function parseArguments(argv: readonly string[]): ClusterCommand {
  const rest = [...argv];
  const flags: Flags = new Map();
  takeFlags(rest, flags, ['--name', '--help']);
  const command = rest.shift();
  if (command === undefined || command === 'help' || flags.has('--help')) return { kind: 'help' };
  const named = (): { name?: string } => {
    const name = flags.get('--name');
    return typeof name === 'string' ? { name: checked(name, requireClusterName) } : {};
  };
  switch (command) {
    case 'kubectl':
    case 'helm':
    case 'helm4':
      return { kind: 'tool', tool: command, args: rest, ...named() };
    case 'exec': {
      const place = rest.shift();
      if (rest[0] === '--') rest.shift();
      if (place === undefined || rest.length === 0) throw new UsageError('exec wants a place and a command');
      return { kind: 'exec', place, argv: rest, ...named() };
    }
    case 'up': {
      takeFlags(rest, flags, [...withValue, '--control-plane-only']);
      noMore(rest, command);
      return { kind: 'up', options: { ...named(), ...upOptions(flags) } };
    }
    case 'down': {
      takeFlags(rest, flags, ['--name', '--all', '--provider']);
      noMore(rest, command);
      return { kind: 'down', all: flags.has('--all'), ...named(), ...providerOf(flags) };
    }
    case 'status':
    case 'kubeconfig':
      takeFlags(rest, flags, ['--name']);
      noMore(rest, command);
      return { kind: command, ...named() };
    case 'load-image':
      takeFlags(rest, flags, ['--name']);
      if (rest.length === 0) throw new UsageError('load-image wants the path of a docker-archive file');
      return { kind: 'load-image', archives: rest, ...named() };
    case 'logs': {
      takeFlags(rest, flags, ['--name']);
      const component = rest.shift();
      noMore(rest, command);
      return { kind: 'logs', ...named(), ...(component === undefined ? {} : { component }) };
    }
    default:
      throw new UsageError(`there is no command ${command}`);
  }
}

/** Moves the leading flags from `rest` to `flags`. */
function takeFlags(rest: string[], flags: Flags, allowed: readonly string[]): void {
  while (rest[0]?.startsWith('--') === true && rest[0] !== '--') {
    const [flag = '', inline] = (rest.shift() as string).split(/=(.*)/s, 2);
    if (!allowed.includes(flag)) throw new UsageError(`${flag} does not belong here`);
    const value = withValue.has(flag) ? (inline ?? rest.shift()) : true;
    if (value === undefined || value === '') throw new UsageError(`${flag} wants a value`);
    flags.set(flag, value);
  }
}

function noMore(rest: readonly string[], command: string): void {
  if (rest.length > 0) throw new UsageError(`${command}: what is meant by "${rest.join(' ')}"?`);
}

/** Turns what a reader of a value says about it into a {@link UsageError}. */
function checked<T>(text: string, read: (text: string) => T): T {
  try {
    return read(text);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function upOptions(flags: Flags): ClusterOptions {
  const options: ClusterOptions = { ...providerOf(flags) };
  const nodes = flags.get('--nodes');
  if (typeof nodes === 'string') {
    if (!/^[1-8]$/.test(nodes)) throw new UsageError(`--nodes is a number from 1 to 8, not "${nodes}"`);
    options.nodes = Number(nodes);
  }
  const kubernetes = flags.get('--kubernetes');
  if (typeof kubernetes === 'string') options.kubernetes = checked(kubernetes, parseKubernetesVersion).text;
  const proxyMode = flags.get('--proxy-mode');
  if (proxyMode === 'nftables' || proxyMode === 'iptables') options.proxyMode = proxyMode;
  else if (proxyMode !== undefined) throw new UsageError(`--proxy-mode is nftables or iptables, not "${proxyMode}"`);
  if (flags.has('--control-plane-only')) options.controlPlaneOnly = true;
  return options;
}

function providerOf(flags: Flags): { provider?: ProviderName } {
  const provider = flags.get('--provider');
  if (provider === undefined) return {};
  if (provider === 'local' || provider === 'kind') return { provider };
  throw new UsageError(`--provider is local or kind, not "${provider}"`);
}
