/**
 * `npm run dev`: the operator from source against the cluster of your kubeconfig, for people who work on it. Installs the
 * CRD, a namespace with the Secret, and the chart's webhook configurations (contract, gate, warnings) that point at this
 * machine; starts again when a source file changes; takes the webhook configurations away at the end. The proxies are not
 * asked: the gate waits quiet time.
 */
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { loadKubeConfig } from '../src/kube/index.ts';
import { clusterList, findCluster, PrerequisiteError } from './cluster/index.ts';
import { findProgram } from './cluster/prerequisites.ts';

const root = path.resolve(import.meta.dirname, '..');
const name = 'graceful-rollout-dev';
const namespace = 'graceful-rollout-dev';
/** What the chart renders by default; its tests keep it so. */
const golden = path.join(root, 'charts/graceful-rollout/golden/default.yaml');
const configurations = { contract: name, gate: `${name}-gate`, warnings: `${name}-warnings` } as const;
const usage = `npm run dev -- [--kubeconfig FILE] [--address ADDRESS] [--webhook-port PORT] [--health-port PORT]

  --kubeconfig FILE    default: KUBECONFIG or ~/.kube/config; for the test cluster:
                       npm run dev -- --kubeconfig "$(npm run -s cluster -- kubeconfig)"
  --address ADDRESS    where the API server reaches this machine; default: the address from which we reach it
  --webhook-port PORT  default 9443
  --health-port PORT   /metrics, /healthz, /readyz; default 8080

The gate lets through what the operator's own user deletes, and that is you: to see a person's delete wait, use another
user (kubectl --as somebody --as-group system:masters delete pod ...).`;

/** As much of a rendered object as is used here. */
interface Rendered {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly webhooks?: readonly {
    readonly clientConfig: { readonly service: { readonly path: string } };
    readonly matchConditions?: readonly { readonly name: string }[];
  }[];
}

type Flags = ReturnType<typeof readFlags>;
/** Runs kubectl against the cluster; `input` goes to its standard input. */
type Kubectl = (args: readonly string[], input?: string) => void;

process.exitCode = await main();

async function main(): Promise<number> {
  let flags: Flags;
  try {
    flags = readFlags();
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    return 2;
  }
  if (flags.help) {
    console.log(usage);
    return 0;
  }
  try {
    return await develop(flags);
  } catch (error) {
    console.error(error instanceof PrerequisiteError ? error.message : error);
    return 1;
  }
}

function readFlags() {
  return parseArgs({
    options: {
      kubeconfig: { type: 'string' },
      address: { type: 'string' },
      'webhook-port': { type: 'string', default: '9443' },
      'health-port': { type: 'string', default: '8080' },
      help: { type: 'boolean', default: false },
    },
  }).values;
}

async function develop(flags: Flags): Promise<number> {
  const program = await kubectlProgram();
  const kubectl: Kubectl = (args, input = '') => runKubectl(program, flags.kubeconfig, args, input);
  const source = flags.kubeconfig === undefined ? {} : { path: flags.kubeconfig };
  const { server } = await loadKubeConfig(source, AbortSignal.timeout(10_000));
  const address = flags.address ?? (await addressTowards(new URL(server)));
  const host = address.includes(':') ? `[${address}]` : address;
  const url = `https://${host}:${flags['webhook-port']}`;
  console.error(`webhook for ${server} at ${url}`);
  // Ctrl-C reaches kubectl and the operator from the terminal; we stay to tidy up.
  process.on('SIGINT', () => undefined);
  kubectl(['apply', '--server-side', '--force-conflicts', '-f', path.join(root, 'crds')]);
  try {
    const items = [
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'webhook-tls', namespace } },
      ...webhookConfigurations(url),
    ];
    kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
    return await runOperator(flags, address);
  } finally {
    kubectl(['delete', 'mutatingwebhookconfiguration', configurations.contract, '--ignore-not-found']);
    const validating = [configurations.gate, configurations.warnings];
    kubectl(['delete', 'validatingwebhookconfiguration', ...validating, '--ignore-not-found']);
  }
}

/** Runs the operator until it ends. @returns its exit code */
function runOperator(flags: Flags, address: string): Promise<number> {
  const operator = spawn(
    process.execPath,
    [
      ...['--watch', path.join(root, 'src/main.ts'), '--namespace', namespace, '--webhook-secret', 'webhook-tls'],
      ...['--webhook-configuration', configurations.contract, '--gate-configuration', configurations.gate],
      ...['--warnings-configuration', configurations.warnings, '--barrier-max-nodes', '0'],
      ...['--webhook-port', flags['webhook-port'], '--webhook-name', address],
      ...['--health-port', flags['health-port']],
      ...['--drain-seconds', '0', '--log-format', 'text', '--log-level', 'debug'],
      ...(flags.kubeconfig === undefined ? [] : ['--kubeconfig', flags.kubeconfig]),
    ],
    { stdio: 'inherit' },
  );
  process.on('SIGTERM', () => operator.kill('SIGTERM'));
  return new Promise((resolve, reject) => {
    operator.once('error', reject);
    operator.once('close', (code) => resolve(code ?? 0));
  });
}

/** The webhook configurations as the chart renders them, under names of their own and by URL. */
function webhookConfigurations(url: string): readonly object[] {
  const rendered = parseAllDocuments(readFileSync(golden, 'utf8')).map((document) => document.toJS() as Rendered);
  return rendered
    .filter(({ kind }) => kind.endsWith('WebhookConfiguration'))
    .map(({ apiVersion, kind, metadata, webhooks = [] }) => ({
      apiVersion,
      kind,
      metadata: { name: metadata.name.replace('graceful-rollout', name) },
      webhooks: webhooks.map(({ clientConfig, matchConditions = [], ...webhook }) => ({
        ...webhook,
        clientConfig: { url: `${url}${clientConfig.service.path}` },
        // Names the ServiceAccount of an installed operator; here it is you, whom the operator lets through by itself.
        matchConditions: matchConditions.filter((condition) => condition.name !== 'not-by-the-operator'),
      })),
    }));
}

/** Our own address on the way to the API server: where it most likely reaches us too. */
async function addressTowards(server: URL): Promise<string> {
  const socket = connect({ host: server.hostname.replace(/^\[|\]$/g, ''), port: Number(server.port || 443) });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return socket.localAddress ?? '127.0.0.1';
  } finally {
    socket.destroy();
  }
}

/** kubectl of the PATH, else of a test cluster that is up. */
async function kubectlProgram(): Promise<string> {
  const installed = findProgram('kubectl');
  if (installed !== undefined) return installed;
  for (const cluster of await clusterList()) {
    const program = await (await findCluster(cluster))?.program('kubectl');
    if (program !== undefined) return program;
  }
  throw new PrerequisiteError(
    'kubectl is not in the PATH, and no test cluster is up that has one.',
    'Install kubectl, or bring a test cluster up with `npm run cluster -- up`.',
  );
}

function runKubectl(program: string, kubeconfig: string | undefined, args: readonly string[], input: string): void {
  const flags = kubeconfig === undefined ? [] : ['--kubeconfig', kubeconfig];
  const run = spawnSync(program, [...flags, ...args], { input, encoding: 'utf8' });
  if (run.error !== undefined) throw new Error(`cannot run ${program}`, { cause: run.error });
  if (run.status !== 0) throw new Error(`kubectl ${args.join(' ')}: ${run.stderr || (run.signal ?? '')}`);
  process.stderr.write(run.stdout);
}
