import { setTimeout as sleep } from 'node:timers/promises';
import { type Cluster, type CommandOptions, loadImagesOnce } from '../cluster/index.ts';
import { chartFolder, defaultNamespace, defaultRelease, operatorNamespace } from './chart.ts';
import { containerEngine, type OperatorImage, operatorImage } from './operatorImage.ts';
import { operatorProgress } from './operatorProgress.ts';
import { waitForWebhook } from './webhookProbe.ts';

/** How the operator is to be installed. */
export interface InstallOptions {
  /** Default `graceful-rollout`. */
  readonly release?: string;
  /** Made where it is missing, under the `restricted` Pod Security level. Default `graceful-rollout-system`. */
  readonly namespace?: string;
  /** Values of the chart, on top of those for an image that was loaded into the nodes. */
  readonly values?: Readonly<Record<string, unknown>>;
  /** Default 3. */
  readonly helm?: 3 | 4;
  /** Seconds until every replica must be Ready and the webhook called. Default 120. */
  readonly timeoutSeconds?: number;
  /** Default: standard error. */
  readonly onProgress?: (line: string) => void;
  readonly signal?: AbortSignal;
}

/** An operator that is installed and answers. */
export interface InstalledOperator {
  readonly release: string;
  readonly namespace: string;
  /** Name of its Deployment, its ServiceAccount and its MutatingWebhookConfiguration. */
  readonly name: string;
  readonly image: OperatorImage;
}

/**
 * Builds the image from this source, loads it into the nodes, installs or upgrades the release and waits until every
 * replica is Ready **and** the API server calls the webhook: it fails open, so a moment too early looks like a bug.
 * @throws Error with the pods' states, events and last log lines where it does not become ready in time
 */
export async function installOperator(cluster: Cluster, options: InstallOptions = {}): Promise<InstalledOperator> {
  const { signal, release = defaultRelease, namespace = defaultNamespace, timeoutSeconds = 120 } = options;
  const onProgress = options.onProgress ?? ((line: string) => process.stderr.write(`${line}\n`));
  const abort = signal === undefined ? {} : { signal };
  const engine = cluster.provider === 'local' ? 'buildah' : containerEngine();
  const image = await operatorImage({ engine, onProgress, ...abort });
  await loadImagesOnce(cluster, image.archive, [`${image.repository}:${image.tag}`], signal);

  await cluster.kubectl(['apply', '--server-side', '--filename=-'], {
    ...abort,
    check: true,
    input: JSON.stringify(operatorNamespace(namespace)),
  });
  onProgress(`installing release ${release} in namespace ${namespace}`);
  const values = {
    ...options.values,
    image: { repository: image.repository, tag: image.tag, pullPolicy: 'Never' },
  };
  const run: CommandOptions & { version: 3 | 4 } = { ...abort, check: true, version: options.helm ?? 3 };
  const where = `--namespace=${namespace}`;
  await cluster.helm(['upgrade', '--install', release, chartFolder, where, '--reset-values', '--values=-'], {
    ...run,
    input: JSON.stringify(values),
  });

  const untilMs = Date.now() + timeoutSeconds * 1000;
  const name = await deploymentOf(cluster, release, namespace, abort);
  let last = '';
  for (;;) {
    const { done, text } = await operatorProgress(cluster, namespace, name, abort);
    if (text !== last) onProgress(text);
    last = text;
    if (done) break;
    if (Date.now() > untilMs) {
      throw new Error(
        `the operator is not ready after ${timeoutSeconds} s: ${text}\n${await evidence(cluster, namespace)}`,
      );
    }
    await sleep(300, undefined, abort);
  }
  await waitForWebhook(cluster, { untilMs, ...abort }).catch(async (error: Error) => {
    throw new Error(`${error.message}\n${await evidence(cluster, namespace)}`, { cause: error });
  });
  onProgress('the operator is ready, and the API server calls its webhook');
  return { release, namespace, name, image };
}

/** What {@link uninstallOperator} removes besides the release. */
export interface UninstallOptions extends Pick<InstallOptions, 'release' | 'namespace' | 'helm' | 'signal'> {
  /** Also the CRD, and with it every GracefulRollout. Default false, as the chart does. */
  readonly removeCrd?: boolean;
}

/** Uninstalls the release and removes its namespace; returns when both are gone. Harmless where nothing is installed. */
export async function uninstallOperator(cluster: Cluster, options: UninstallOptions = {}): Promise<void> {
  const { release = defaultRelease, namespace = defaultNamespace, signal } = options;
  const run: CommandOptions = { check: true, ...(signal === undefined ? {} : { signal }) };
  await cluster.helm(
    ['uninstall', release, `--namespace=${namespace}`, '--ignore-not-found', '--wait', '--timeout=2m'],
    { ...run, version: options.helm ?? 3 },
  );
  await cluster.kubectl(['delete', 'namespace', namespace, '--ignore-not-found', '--timeout=120s'], run);
  if (options.removeCrd === true) {
    const crd = 'gracefulrollouts.graceful-rollout.io';
    await cluster.kubectl(['delete', 'customresourcedefinition', crd, '--ignore-not-found', '--timeout=60s'], run);
  }
}

async function deploymentOf(
  cluster: Cluster,
  release: string,
  namespace: string,
  options: CommandOptions,
): Promise<string> {
  const selector = `--selector=app.kubernetes.io/instance=${release}`;
  const find = [
    'get',
    'deployments',
    `--namespace=${namespace}`,
    selector,
    '--output=jsonpath={.items[*].metadata.name}',
  ];
  const { stdout } = await cluster.kubectl(find, { ...options, check: true });
  const name = stdout.trim();
  if (name === '' || name.includes(' ')) {
    throw new Error(`release ${release} in ${namespace} has not one Deployment but: ${name === '' ? 'none' : name}`);
  }
  return name;
}

/** What a person would look at next. */
async function evidence(cluster: Cluster, namespace: string): Promise<string> {
  const here = `--namespace=${namespace}`;
  const said = await Promise.all([
    cluster.kubectl(['get', 'pods,replicasets', here, '--output=wide']),
    cluster.kubectl(['get', 'events', here, '--sort-by=.lastTimestamp']),
    cluster.kubectl(['logs', here, '--selector=app.kubernetes.io/name=graceful-rollout', '--tail=20', '--prefix']),
  ]);
  return said.map(({ stdout, stderr }) => `${stdout}${stderr}`.trimEnd()).join('\n\n');
}
