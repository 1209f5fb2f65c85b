/**
 * `npm run e2e`: every cluster case once, on Kubernetes 1.37, but for three that take minutes. `--smoke`: one
 * rollout only. `--full`: hours, in these parts, of which `--part` runs some:
 *
 * - `loss`: the loss cases by server, three times in a row;
 * - `gate`: the loss cases with the gate, three times in a row;
 * - `others`: every other case, once;
 * - `nftables`: the loss cases, and the gate beside a slow proxy, with kube-proxy in nftables mode;
 * - `kills`: the operator killed at every write of the gate, on a real API server without nodes;
 * - `1.36.3`, `1.35.4`: the API-level tests and every case on that Kubernetes.
 */
import { globSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { close, runSuite, type SuiteResult } from '../scripts/suite.ts';
import { defaultProxyMode } from './cluster/cluster.ts';
import { defaultKubernetes, parseKubernetesVersion, testedKubernetes } from './cluster/kubernetesVersions.ts';

const parts = ['loss', 'gate', 'others', 'nftables', 'kills', ...testedKubernetes.slice(1)];
const usage = `npm run e2e -- [--smoke] [--kubernetes ${defaultKubernetes}] [--proxy-mode iptables|nftables]
npm run e2e -- --full [--part ${parts.join('|')}]...`;

const gateLoss = [
  ...['Rollout', 'FirstRollout', 'Undo', 'ScaleDown', 'DeletePod'],
  ...['Drain', 'DrainSingle', 'DrainBudget', 'RolloutAndDrain', 'ThreeNodes'],
].map(gateFile);
const gateOthers = [
  ...['SlowProxy', 'Absent', 'Swallowed', 'Exempt', 'LostNode', 'People'],
  ...['Observe', 'Drained', 'ReplacementTimeout', 'KilledOperator', 'LocalPolicy', 'LostNodeRollout'],
].map(gateFile);
const loss = ['e2e/cases/servers.e2e.ts'];
const others = ['e2e/cases/installation.e2e.ts', 'e2e/cases/clusterLifecycle.e2e.ts', ...gateOthers];
const all = [...loss, ...gateLoss, ...others];
/** `--full` has it: `.ci/run` is to end within 45 minutes with empty caches. */
const long = ['KilledOperator', 'LocalPolicy', 'LostNodeRollout'].map(gateFile);
/** What hangs on how kube-proxy does its work. */
const dataPath = [...loss, ...gateLoss, gateFile('SlowProxy')];
/** One row of `servers`: it has its place in `npm test` and in the smoke run. */
const smoke = ['e2e/cases/rollout.e2e.ts'];

/** As many requests as the operation takes, the gate's cases with the server that exits at once. `--full` has the figures. */
const quick = {
  LOSS_REQUESTS: '6000',
  LOSS_ROLLOUTS: '1',
  LOSS_KEPT_OF: 'draining',
  GATE_REQUESTS: '6000',
  GATE_SERVERS: 'abrupt',
};

const wanted = readArguments();
if (typeof wanted === 'string') {
  console.error(`${wanted}\n\n${usage}`);
  process.exitCode = 2;
} else {
  const problems = listProblems();
  if (problems.length === 0) close(await runCases(wanted));
  else {
    console.error(`the lists of cases in e2e/run.ts are wrong: ${problems.join('; ')}`);
    process.exitCode = 1;
  }
}

function gateFile(name: string): string {
  return `e2e/cases/gate${name}.e2e.ts`;
}

interface Wanted {
  /** Of `--full`, in their order; none without it. */
  readonly parts: readonly string[];
  readonly smoke: boolean;
  readonly kubernetes: string;
  readonly proxyMode: string;
}

/** What the command line asks for, or what is wrong with it. */
function readArguments(): Wanted | string {
  try {
    const { values } = parseArgs({
      options: {
        full: { type: 'boolean', default: false },
        part: { type: 'string', multiple: true, default: [] },
        smoke: { type: 'boolean', default: false },
        kubernetes: { type: 'string' },
        'proxy-mode': { type: 'string' },
      },
    });
    const {
      full,
      part,
      smoke: smokeOnly,
      kubernetes = defaultKubernetes,
      'proxy-mode': proxyMode = defaultProxyMode,
    } = values;
    if (full && smokeOnly) return '--full and --smoke do not go together';
    if (full && (values.kubernetes !== undefined || values['proxy-mode'] !== undefined)) {
      return '--full runs every version and both proxy modes: it takes neither --kubernetes nor --proxy-mode';
    }
    if (!full && part.length > 0) return '--part names a part of --full';
    const unknown = part.find((name) => !parts.includes(name));
    if (unknown !== undefined) return `--part is one of ${parts.join(', ')}, not "${unknown}"`;
    if (proxyMode !== 'nftables' && proxyMode !== 'iptables') {
      return `--proxy-mode is nftables or iptables, not "${proxyMode}"`;
    }
    return {
      parts: full ? parts.filter((name) => part.length === 0 || part.includes(name)) : [],
      smoke: smokeOnly,
      kubernetes: parseKubernetesVersion(kubernetes).text,
      proxyMode,
    };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Where the lists above and the files differ. Vitest says nothing of a name without a file beside names with one. */
function listProblems(): string[] {
  const named = new Set([...all, ...smoke]);
  const there = new Set(globSync('e2e/cases/**/*.e2e.ts'));
  return [
    ...[...there].filter((file) => !named.has(file)).map((file) => `${file} is in none of them`),
    ...[...named].filter((file) => !there.has(file)).map((file) => `there is no ${file}`),
  ];
}

async function runCases({
  parts: wantedParts,
  smoke: smokeOnly,
  kubernetes,
  proxyMode,
}: Wanted): Promise<SuiteResult[]> {
  if (smokeOnly) return [await cases('smoke run', kubernetes, proxyMode, smoke)];
  if (wantedParts.length === 0) {
    const files = all.filter((file) => !long.includes(file));
    return [await cases('every case', kubernetes, proxyMode, files, quick)];
  }
  const results: SuiteResult[] = [];
  for (const part of wantedParts) {
    for (const run of suitesOf(part)) {
      const startedMs = Date.now();
      const result = await run();
      const minutes = Math.round((Date.now() - startedMs) / 60_000);
      console.log(`--- ${part}: ${result.passed} passed, ${result.failed} failed in ${minutes} min`);
      results.push(result);
    }
  }
  return results;
}

/** What a part of `--full` runs. */
function suitesOf(part: string): readonly (() => Promise<SuiteResult>)[] {
  const three = (title: string, files: readonly string[]): (() => Promise<SuiteResult>)[] =>
    [1, 2, 3].map((run) => () => cases(`${title}, run ${run} of 3`, defaultKubernetes, defaultProxyMode, files));
  switch (part) {
    case 'loss':
      return three('loss by server', loss);
    case 'gate':
      return three('loss with the gate', gateLoss);
    case 'others':
      return [() => cases('every other case', defaultKubernetes, defaultProxyMode, others)];
    case 'nftables':
      return [() => cases('loss', defaultKubernetes, 'nftables', dataPath, quick)];
    case 'kills':
      return [
        () => runSuite({ title: 'the operator killed at every write of the gate', args: ['--project', 'kills'] }),
      ];
    default:
      return [
        () =>
          runSuite({
            title: `real API server ${part}`,
            args: ['--project', 'api'],
            env: environment(part, defaultProxyMode),
          }),
        () => cases('every case', part, defaultProxyMode, all, quick),
      ];
  }
}

function cases(
  title: string,
  kubernetes: string,
  proxyMode: string,
  files: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<SuiteResult> {
  return runSuite({
    title: `${title}: Kubernetes ${kubernetes}, kube-proxy ${proxyMode}`,
    args: ['--project', 'cluster', ...files],
    env: { ...environment(kubernetes, proxyMode), ...env },
  });
}

function environment(kubernetes: string, proxyMode: string): Record<string, string> {
  return { KUBERNETES_VERSION: kubernetes, KUBE_PROXY_MODE: proxyMode };
}
