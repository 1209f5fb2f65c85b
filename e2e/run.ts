/**
 * `npm run e2e`: every cluster case once, on Kubernetes 1.37. `--full`: the loss cases three times in a row, then once with
 * kube-proxy in nftables mode, the operator killed at every write of the gate, and Kubernetes 1.36 and 1.35, each with the
 * API-level tests. `--smoke`: one rollout only.
 */
import { globSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { close, runSuite, type SuiteResult } from '../scripts/suite.ts';
import { defaultProxyMode } from './cluster/cluster.ts';
import { defaultKubernetes, parseKubernetesVersion, testedKubernetes } from './cluster/kubernetesVersions.ts';

const usage = `npm run e2e -- [--smoke | --full] [--kubernetes ${defaultKubernetes}] [--proxy-mode iptables|nftables]`;

const gateLoss = [
  ...['Rollout', 'FirstRollout', 'Undo', 'ScaleDown', 'DeletePod'],
  ...['Drain', 'DrainSingle', 'DrainBudget', 'RolloutAndDrain', 'ThreeNodes'],
].map(gateFile);
const gateOthers = ['SlowProxy', 'Absent', 'Swallowed', 'Exempt', 'LostNode', 'People'].map(gateFile);
const loss = ['e2e/cases/servers.e2e.ts', ...gateLoss];
const others = ['e2e/cases/installation.e2e.ts', 'e2e/cases/clusterLifecycle.e2e.ts', ...gateOthers];
const all = [...loss, ...others];
/** One row of `servers`: it has its place in `npm test` and in the smoke run. */
const smoke = ['e2e/cases/rollout.e2e.ts'];

/** The gate's cases once: the server that exits at once, as many requests as the operation takes. `--full` has the figures. */
const quickGate = { GATE_REQUESTS: '6000', GATE_SERVERS: 'abrupt' };

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
  readonly full: boolean;
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
        smoke: { type: 'boolean', default: false },
        kubernetes: { type: 'string' },
        'proxy-mode': { type: 'string' },
      },
    });
    const { full, kubernetes = defaultKubernetes, 'proxy-mode': proxyMode = defaultProxyMode } = values;
    if (full && values.smoke) return '--full and --smoke do not go together';
    if (full && (values.kubernetes !== undefined || values['proxy-mode'] !== undefined)) {
      return '--full runs every version and both proxy modes: it takes neither --kubernetes nor --proxy-mode';
    }
    if (proxyMode !== 'nftables' && proxyMode !== 'iptables') {
      return `--proxy-mode is nftables or iptables, not "${proxyMode}"`;
    }
    return { full, smoke: values.smoke, kubernetes: parseKubernetesVersion(kubernetes).text, proxyMode };
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

async function runCases({ full, smoke: smokeOnly, kubernetes, proxyMode }: Wanted): Promise<SuiteResult[]> {
  if (smokeOnly) return [await cases('smoke run', kubernetes, proxyMode, smoke)];
  if (!full) return [await cases('every case', kubernetes, proxyMode, all, quickGate)];
  const results: SuiteResult[] = [];
  for (const run of [1, 2, 3])
    results.push(await cases(`loss, run ${run} of 3`, defaultKubernetes, defaultProxyMode, loss));
  results.push(await cases('every other case', defaultKubernetes, defaultProxyMode, others));
  results.push(await cases('loss', defaultKubernetes, 'nftables', loss));
  results.push(
    await runSuite({ title: 'the operator killed at every write of the gate', args: ['--project', 'kills'] }),
  );
  for (const version of testedKubernetes.slice(1)) {
    const api = {
      title: `real API server ${version}`,
      args: ['--project', 'api'],
      env: environment(version, defaultProxyMode),
    };
    results.push(await runSuite(api));
    results.push(await cases('every case', version, defaultProxyMode, all, quickGate));
  }
  return results;
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
