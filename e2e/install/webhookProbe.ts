import { setTimeout as sleep } from 'node:timers/promises';
import { CONTRACT_ANNOTATION } from '../../src/api/names.ts';
import type { Cluster } from '../cluster/index.ts';

const namespace = 'default';
const name = 'graceful-rollout-webhook-probe';
/** In a row, so that a connection that happens to work once does not count. */
const completedInARow = 3;

const rollout = {
  apiVersion: 'graceful-rollout.io/v1alpha1',
  kind: 'GracefulRollout',
  metadata: { name, namespace },
  spec: { targetRef: { name } },
};

const labels = { app: name };
const deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace },
  spec: {
    replicas: 0,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: 'app', image: 'none' }] } },
  },
};

/**
 * Waits until the API server calls the webhook: a Deployment that a GracefulRollout names is created by dry run, until
 * the answers carry the webhook's record. Leaves nothing behind.
 * @throws Error with the last answer where that does not come in time
 */
export async function waitForWebhook(
  cluster: Cluster,
  options: { readonly untilMs: number; readonly signal?: AbortSignal },
): Promise<void> {
  const abort = options.signal === undefined ? {} : { signal: options.signal };
  const apply = ['apply', '--server-side', '--filename=-'];
  await cluster.kubectl(apply, { ...abort, check: true, input: JSON.stringify(rollout) });
  try {
    const create = ['create', '--dry-run=server', '--output=json', '--filename=-'];
    for (let completed = 0; completed < completedInARow; ) {
      const answer = await cluster.kubectl(create, { ...abort, input: JSON.stringify(deployment) });
      completed = answer.code === 0 && isCompleted(answer.stdout) ? completed + 1 : 0;
      if (completed === 0) {
        if (Date.now() > options.untilMs) {
          const said = answer.code === 0 ? 'the Deployment came back as it was sent' : answer.stderr.trim();
          throw new Error(`the API server does not call the operator's webhook: ${said}`);
        }
        await sleep(200, undefined, abort);
      }
    }
  } finally {
    await cluster.kubectl(['delete', 'gracefulrollout', name, `--namespace=${namespace}`, '--wait=false'], abort);
  }
}

/** Whether the webhook left its record of what it changed. */
function isCompleted(json: string): boolean {
  const { metadata } = JSON.parse(json) as { metadata: { annotations?: Record<string, string> } };
  return metadata.annotations?.[CONTRACT_ANNOTATION] !== undefined;
}
