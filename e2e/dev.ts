/**
 * `npm run dev`: the operator from source against the cluster of your kubeconfig, for people who work on it. Installs the
 * CRD, a namespace with the Secret, and a webhook configuration that points at this machine; starts again when a source
 * file changes; takes the webhook configuration away at the end.
 */
import { spawn, spawnSync } from 'node:child_process';
import { connect } from 'node:net';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { loadKubeConfig } from '../src/kube/index.ts';

const root = path.resolve(import.meta.dirname, '..');
const name = 'graceful-rollout-dev';
const namespace = 'graceful-rollout-dev';
const usage = `npm run dev -- [--kubeconfig FILE] [--address ADDRESS] [--webhook-port PORT]

  --kubeconfig FILE    default: KUBECONFIG or ~/.kube/config; for the test cluster:
                       npm run dev -- --kubeconfig "$(npm run -s cluster -- kubeconfig)"
  --address ADDRESS    where the API server reaches this machine; default: the address from which we reach it
  --webhook-port PORT  default 9443`;

const { values } = parseArgs({
  options: {
    kubeconfig: { type: 'string' },
    address: { type: 'string' },
    'webhook-port': { type: 'string', default: '9443' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(usage);
} else {
  process.exitCode = await develop();
}

async function develop(): Promise<number> {
  const source = values.kubeconfig === undefined ? {} : { path: values.kubeconfig };
  const { server } = await loadKubeConfig(source, AbortSignal.timeout(10_000));
  const address = values.address ?? (await addressTowards(new URL(server)));
  const host = address.includes(':') ? `[${address}]` : address;
  console.error(`webhook for ${server} at https://${host}:${values['webhook-port']}`);
  kubectl(['apply', '--server-side', '-f', path.join(root, 'crds')]);
  apply([
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'webhook-tls', namespace } },
    webhookConfiguration(`https://${host}:${values['webhook-port']}/mutate-deployments`),
  ]);
  const operator = spawn(
    process.execPath,
    [
      ...['--watch', path.join(root, 'src/main.ts'), '--namespace', namespace, '--webhook-secret', 'webhook-tls'],
      ...['--webhook-configuration', name, '--webhook-port', values['webhook-port'], '--webhook-name', address],
      ...['--drain-seconds', '0', '--log-format', 'text', '--log-level', 'debug'],
      ...(values.kubeconfig === undefined ? [] : ['--kubeconfig', values.kubeconfig]),
    ],
    { stdio: 'inherit' },
  );
  // Ctrl-C reaches the operator by itself; we stay to tidy up.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => operator.kill(signal));
  const code = await new Promise<number>((resolve) => operator.once('close', (exitCode) => resolve(exitCode ?? 0)));
  kubectl(['delete', 'mutatingwebhookconfiguration', name, '--ignore-not-found']);
  return code;
}

function webhookConfiguration(url: string): object {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name },
    webhooks: [
      {
        name: 'deployments.graceful-rollout.io',
        clientConfig: { url },
        rules: [
          { apiGroups: ['apps'], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['deployments'] },
        ],
        namespaceSelector: {
          matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['kube-system'] }],
        },
        failurePolicy: 'Ignore',
        timeoutSeconds: 2,
        sideEffects: 'NoneOnDryRun',
        reinvocationPolicy: 'Never',
        admissionReviewVersions: ['v1'],
      },
    ],
  };
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

function apply(items: readonly object[]): void {
  kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
}

function kubectl(args: readonly string[], input = ''): void {
  const flags = values.kubeconfig === undefined ? [] : ['--kubeconfig', values.kubeconfig];
  const run = spawnSync('kubectl', [...flags, ...args], { input, encoding: 'utf8' });
  if (run.error !== undefined) throw new Error('kubectl is needed in the PATH', { cause: run.error });
  if (run.status !== 0) throw new Error(`kubectl ${args.join(' ')}: ${run.stderr}`);
  process.stderr.write(run.stdout);
}
