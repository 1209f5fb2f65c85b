import { parseArgs } from 'node:util';
import { PrerequisiteError } from '../e2e/cluster/index.ts';

/** A benchmark: prints figures, asserts no times. */
interface Bench {
  readonly about: string;
  /** @throws UsageError for a wrong argument */
  readonly run: (args: readonly string[], signal: AbortSignal) => Promise<boolean>;
}

/** Arguments that a benchmark does not understand; the message says what is allowed. */
class UsageError extends Error {}

const progress = (line: string): void => console.error(line);

const benches: Readonly<Record<string, Bench>> = {
  loss: {
    about: 'requests lost by rolling restarts, plain and protected under the same load, on the real cluster',
    async run(args, signal) {
      const { LossArgumentError, lossUsage, parseLossArguments } = await import('../e2e/load/lossArguments.ts');
      const usage = `npm run bench -- loss [options]\n\n  --json              the whole report as data\n${lossUsage('.tmp/loss')}`;
      try {
        if (parseLossArguments(args).help) {
          console.log(usage);
          return true;
        }
      } catch (error) {
        if (error instanceof LossArgumentError) throw new UsageError(`${error.message}\n\n${usage}`);
        throw error;
      }
      const { run } = await import('./loss.ts');
      const { report, text, ok } = await run({ args, onProgress: progress, signal });
      console.log(args.includes('--json') ? JSON.stringify(report, null, 2) : text);
      return ok;
    },
  },
  cache: {
    about: 'memory per 1,000 pods and time from a write to the handler, on a real API server',
    async run(args) {
      const json = onlyJson('cache', args);
      const { run } = await import('./cache.ts');
      await run({ json });
      return true;
    },
  },
  scale: {
    about: '200 GracefulRollouts with Deployments at once: seconds until all are Ready, memory of the operator',
    async run(args) {
      const json = onlyJson('scale', args);
      const { run } = await import('./scale.ts');
      await run({ json, onProgress: progress });
      return true;
    },
  },
  soak: {
    about: 'random rollouts, drains and deletes under 1000 requests/s on three workers, 0 lost, seen from outside',
    async run(args, signal) {
      const wanted = soakArguments(args);
      const { run } = await import('./soak.ts');
      return run({ ...wanted, onProgress: progress, signal });
    },
  },
  'gate-cost': {
    about: 'what the gate costs the control plane: calls per pod, time of a rollout, time per stage',
    async run(args, signal) {
      const json = onlyJson('gate-cost', args);
      const { run } = await import('./gateCost.ts');
      await run({ json, onProgress: progress, signal });
      return true;
    },
  },
  admission: {
    about: 'what the warnings add to a write of a Deployment, at 200 a second on a real API server',
    async run(args) {
      const json = onlyJson('admission', args);
      const { run } = await import('./admission.ts');
      await run({ json, onProgress: progress });
      return true;
    },
  },
  barrier: {
    about: 'bytes, requests and time of a barrier through 2, 20 and 100 pretended service proxies',
    run: async (args, signal) => (await import('./barrier.ts')).run({ json: onlyJson('barrier', args), signal }),
  },
  'nftables-race': {
    about: 'connections that the kernel refuses while rules of a Service are replaced: nftables and iptables',
    async run(args, signal) {
      const wanted = raceArguments(args);
      const { run } = await import('./nftablesRace.ts');
      await run({ ...wanted, onProgress: progress, signal });
      return true;
    },
  },
};

/** What `nftables-race` takes. */
function raceArguments(args: readonly string[]): { seconds: number; json: boolean } {
  const usage = 'npm run bench -- nftables-race [--seconds N] [--json]';
  try {
    const options = { seconds: { type: 'string', default: '60' }, json: { type: 'boolean', default: false } } as const;
    const { values } = parseArgs({ args: [...args], options });
    if (!/^[1-9]\d*$/.test(values.seconds)) throw new Error(`--seconds ${values.seconds}: not a whole number above 0`);
    return { seconds: Number(values.seconds), json: values.json };
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
  }
}

/** What `soak` takes. `--plain`: without the gate, to see that the rig finds what is lost. `--keep`: the cluster stays. */
function soakArguments(args: readonly string[]): {
  readonly requests: number;
  readonly ratePerSecond: number;
  readonly seed: number;
  readonly side: 'gate' | 'plain';
  readonly json: boolean;
  readonly keep: boolean;
} {
  const usage = 'npm run bench -- soak [--requests 1000000] [--rate 1000] [--seed N] [--plain] [--keep] [--json]';
  try {
    const options = {
      requests: { type: 'string', default: '1000000' },
      rate: { type: 'string', default: '1000' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      plain: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    } as const;
    const { values } = parseArgs({ args: [...args], options });
    for (const name of ['requests', 'rate', 'seed'] as const) {
      if (!/^[1-9]\d*$/.test(values[name])) throw new Error(`--${name} ${values[name]}: not a whole number above 0`);
    }
    const side = values.plain ? 'plain' : 'gate';
    const { requests, rate, seed, json, keep } = values;
    return { requests: Number(requests), ratePerSecond: Number(rate), seed: Number(seed), side, json, keep };
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
  }
}

/** Whether `--json` was said, which is all that these benchmarks take. */
function onlyJson(name: string, args: readonly string[]): boolean {
  const wrong = args.find((arg) => arg !== '--json');
  if (wrong !== undefined)
    throw new UsageError(`${name} takes --json, not ${wrong}\n\nnpm run bench -- ${name} [--json]`);
  return args.length > 0;
}

async function main(): Promise<number> {
  const [name, ...args] = process.argv.slice(2);
  const bench = name !== undefined && Object.hasOwn(benches, name) ? benches[name] : undefined;
  if (bench === undefined) {
    if (name !== undefined && name !== '--help') console.error(`there is no benchmark ${name}\n`);
    console.log('npm run bench -- NAME [--json]\n');
    for (const [key, { about }] of Object.entries(benches)) console.log(`  ${key.padEnd(15)}${about}`);
    return name === undefined || name === '--help' ? 0 : 2;
  }
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => interrupted.abort(new Error(`interrupted by ${signal}`)));
  }
  try {
    return (await bench.run(args, interrupted.signal)) ? 0 : 1;
  } catch (error) {
    if (interrupted.signal.aborted) return 130;
    if (error instanceof UsageError) {
      console.error(error.message);
      return 2;
    }
    console.error(error instanceof PrerequisiteError ? error.message : error);
    return 1;
  }
}

process.exitCode = await main();
