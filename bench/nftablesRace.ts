import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type RaceMode, type RaceResult, raceModes } from './nftablesRaceMode.ts';

const NAMESPACE = fileURLToPath(new URL('nftablesRaceNamespace.ts', import.meta.url));

/** How the bench is called. */
export interface NftablesRaceOptions {
  /** Of each mode. */
  readonly seconds: number;
  readonly json: boolean;
  readonly onProgress: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * `npm run bench -- nftables-race`: connections that the kernel refuses while the rules of a Service are replaced as
 * kube-proxy replaces them, without Kubernetes; see docs/decisions/0007. Each mode has a network namespace of its own.
 * @throws Error where this is not root on Linux with nft and iptables
 */
export async function run({ seconds, json, onProgress, signal }: NftablesRaceOptions): Promise<void> {
  const results: RaceResult[] = [];
  for (const mode of Object.keys(raceModes) as RaceMode[]) {
    onProgress(`${raceModes[mode]}: ${seconds} s`);
    results.push(await runMode(mode, seconds, signal));
  }
  console.log(json ? JSON.stringify(results, null, 2) : raceTable(results));
}

/** Runs one mode in a network namespace that ends with its process. */
async function runMode(mode: RaceMode, seconds: number, signal: AbortSignal): Promise<RaceResult> {
  signal.throwIfAborted();
  const argv = ['--net', process.execPath, NAMESPACE, mode, String(seconds)];
  const child: ChildProcess = spawn('unshare', argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  const end = (): void => void child.kill('SIGTERM');
  signal.addEventListener('abort', end, { once: true });
  let said = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  signal.removeEventListener('abort', end);
  signal.throwIfAborted();
  if (code !== 0) throw new Error(`${raceModes[mode]}: ended with ${code}; it needs root, unshare, nft and iptables`);
  return JSON.parse(said) as RaceResult;
}

/** The figures as a text table; `window`: refused / (transactions x connections per second). */
function raceTable(results: readonly RaceResult[]): string {
  const lines = [
    ['mode', 'connections', 'per s', 'transactions', 'refused', 'other losses', 'reject counter', 'window'],
    ...results.map((result) => {
      const perSecond = result.connections / result.seconds;
      const exposure = result.transactions * perSecond;
      return [
        raceModes[result.mode],
        String(result.connections),
        perSecond.toFixed(0),
        String(result.transactions),
        String(result.refused),
        String(result.otherLosses),
        String(result.rejectCounter),
        exposure === 0 ? '-' : `${((1e6 * result.refused) / exposure).toFixed(2)} us`,
      ];
    }),
  ];
  const widths = lines[0]?.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0))) ?? [];
  return lines
    .map(([mode = '', ...figures]) =>
      [mode.padEnd(widths[0] ?? 0), ...figures.map((text, at) => text.padStart(widths[at + 1] ?? 0))].join('  '),
    )
    .join('\n');
}
