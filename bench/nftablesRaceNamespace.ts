/** `nftablesRaceNamespace.ts MODE SECONDS`, in a network namespace of its own: prints one {@link RaceResult} as JSON. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import {
  endpoints,
  iptablesRuleset,
  nftablesRuleset,
  type RaceMode,
  type RaceResult,
  type Ruleset,
  service,
} from './nftablesRaceMode.ts';

/** Connections that are tried at the same time. */
const CLIENTS = 4;
const CONNECT_TIMEOUT_MS = 1000;

const [, , mode, secondsText] = process.argv as [string, string, RaceMode, string];
const interrupted = new AbortController();
process.once('SIGTERM', () => interrupted.abort());
process.stdout.write(`${JSON.stringify(await race(mode, Number(secondsText)))}\n`);

async function race(raceMode: RaceMode, seconds: number): Promise<RaceResult> {
  const rules = raceMode === 'iptables' ? iptablesRuleset : nftablesRuleset;
  layNetwork();
  const { argv, input } = rules.install;
  run(argv, input);
  const servers = endpoints.hosts.map((host) =>
    createServer((socket) => socket.on('error', () => undefined).resume()).listen(endpoints.port, host),
  );
  await Promise.all(servers.map((server) => once(server, 'listening')));
  await untilSteady();
  const transactions = raceMode === 'nftables-idle' ? undefined : startTransactions(rules);
  const counts = { connections: 0, refused: 0, otherLosses: 0 };
  const endMs = performance.now() + 1000 * seconds;
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      while (performance.now() < endMs && !interrupted.signal.aborted && transactions?.failed() !== true) {
        const end = await tryConnection();
        counts.connections++;
        if (end === 'ECONNREFUSED') counts.refused++;
        else if (end !== 'connected') counts.otherLosses++;
        await turn();
      }
    }),
  );
  const replaced = (await transactions?.stop()) ?? 0;
  for (const server of servers) server.close();
  const rejectCounter = Number(rules.counterPattern.exec(run(rules.counter))?.[1]);
  return { mode: raceMode, seconds, ...counts, transactions: replaced, rejectCounter };
}

/** Endpoint addresses on a link of this namespace, and a default route, without which a ClusterIP is unreachable. */
function layNetwork(): void {
  for (const line of [
    'link set lo up',
    'link add d0 type veth peer name d1',
    'link set d0 up',
    'link set d1 up',
    ...endpoints.hosts.map((host) => `addr add ${host}/24 dev d0`),
    'route add default dev d0',
  ]) {
    run(['ip', ...line.split(' ')]);
  }
}

/** A link that has just been made does not carry everything yet. */
async function untilSteady(): Promise<void> {
  const limitMs = performance.now() + 30_000;
  for (let inARow = 0; inARow < 2000; inARow++) {
    if ((await tryConnection()) !== 'connected') inARow = 0;
    if (performance.now() > limitMs) throw new Error('the Service does not answer steadily, though nothing is changed');
  }
}

/** One connection to the Service, reset at once so that it leaves no port behind. */
function tryConnection(): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(service);
    const timer = setTimeout(() => {
      socket.destroy();
      resolve('timeout');
    }, CONNECT_TIMEOUT_MS);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.resetAndDestroy();
      resolve('connected');
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      resolve(error.code ?? error.message);
    });
  });
}

/** Replaces the rules again and again in a shell, which ends with this process: it writes to its pipe each time. */
function startTransactions(rules: Ruleset): { failed: () => boolean; stop: () => Promise<number> } {
  const folder = mkdtempSync(join(tmpdir(), 'nftables-race-'));
  const steps = rules.replacements.map((text, at) => {
    const file = join(folder, String(at));
    writeFileSync(file, text);
    return `${rules.replace.join(' ')} '${file}' && echo`;
  });
  const shell = spawn('sh', ['-c', `while ${steps.join(' && ')}; do :; done`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(shell, 'close');
  let count = 0;
  shell.stdout.on('data', (data: Buffer) => {
    count += data.length;
  });
  return {
    failed: () => shell.exitCode !== null,
    async stop() {
      const failed = shell.exitCode;
      shell.kill('SIGTERM');
      await closed;
      rmSync(folder, { recursive: true, force: true });
      if (failed !== null) throw new Error(`replacing the rules ended with code ${failed}`);
      return count;
    },
  };
}

function run([program = '', ...args]: readonly string[], input = ''): string {
  return execFileSync(program, args, { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'inherit'] });
}
