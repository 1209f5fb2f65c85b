import { events, type KubeEvent, type Pod } from '../../src/kube/index.ts';
import type { Cluster } from '../cluster/index.ts';
import { defaultNamespace } from '../install/chart.ts';
import type { EndpointCheckStatus, Stage } from './stage.ts';
import { rolloutStatus } from './stage.ts';
import { until } from './timed.ts';

/** Events with this reason about a GracefulRollout of the stage. */
export async function eventsAbout(
  { client, namespace, signal }: Stage,
  name: string,
  reason: string,
): Promise<KubeEvent[]> {
  const { items } = await client.list(events, { namespace, signal });
  return items.filter(
    ({ regarding, ...event }) =>
      regarding?.kind === 'GracefulRollout' && regarding.name === name && event.reason === reason,
  );
}

/** The same, as soon as there is one about each of these pods. @throws Error where that is not so in time */
export async function eventsAboutPods(
  stage: Stage,
  name: string,
  reason: string,
  pods: readonly string[],
): Promise<KubeEvent[]> {
  let found: KubeEvent[] = [];
  await until(`no ${reason} about each of ${pods.join(', ')}`, 20_000, stage.signal, async () => {
    found = await eventsAbout(stage, name, reason);
    return pods.every((pod) => found.some(({ related }) => related?.name === pod));
  });
  return found;
}

/** The records of these pods' ends in the status of a GracefulRollout, and what else it says then. */
export async function recordsOf(
  { client, namespace, signal }: Stage,
  name: string,
  pods: readonly string[],
): Promise<{ readonly status: EndpointCheckStatus; readonly records: NonNullable<EndpointCheckStatus['recent']> }> {
  let status: EndpointCheckStatus = {};
  const records = () => (status.recent ?? []).filter(({ pod }) => pods.includes(pod));
  await until(`the status of ${name} does not tell of each of ${pods.join(', ')}`, 30_000, signal, async () => {
    status = (await rolloutStatus(client, namespace, name, signal))?.endpointCheck ?? {};
    return records().length === pods.length;
  });
  return { status, records: records() };
}

/**
 * A number that the operator counts, over all of its replicas that stay and all samples with these labels.
 * @param labels as in the text format: `path="Ungated"`
 */
export async function operatorCount(cluster: Cluster, name: string, ...labels: readonly string[]): Promise<number> {
  const selector = '--selector=app.kubernetes.io/name=graceful-rollout';
  const find = ['get', 'pods', '-n', defaultNamespace, selector, '-o', 'json'];
  const { items } = JSON.parse((await cluster.kubectl(find, { check: true })).stdout) as {
    readonly items: readonly Pod[];
  };
  // A replica of the version before, on its way out, is here now and gone when the number is asked for again.
  const there = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const pods = there.map(({ metadata }) => metadata.name ?? '');
  const counts = pods.map(async (pod) => {
    const path = `/api/v1/namespaces/${defaultNamespace}/pods/${pod}:8080/proxy/metrics`;
    const { stdout } = await cluster.kubectl(['get', '--raw', path], { check: true });
    const samples = stdout
      .split('\n')
      .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
      .filter((line) => labels.every((label) => line.includes(label)));
    return samples.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  });
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}
