import { expect, test } from 'vitest';
import { everyPath, operatorName } from '../gate/everyPath.ts';
import { gateAloneStages } from '../gate/gateAloneStages.ts';
import { gateRig } from '../gate/gateTests.ts';
import { drainNode } from '../gate/operations.ts';
import { watchPods } from '../gate/podWatch.ts';
import { untilSettled } from '../gate/stage.ts';
import { defaultNamespace } from '../install/chart.ts';
import { waitForWebhook } from '../install/webhookProbe.ts';
import { onProgress } from './clusterUnderTest.ts';

/** What must be seen 4: without the operator everything works as in plain Kubernetes and takes less than a second more. */
const rig = gateRig();
const stages = gateAloneStages(rig);

test('no operator: every path works and takes less than a second more', async () => {
  const stage = await stages.set('gate-absent');
  const { commands, cluster, client, namespace } = stage;
  const operator = ['-n', defaultNamespace, `deployment/${await operatorName(cluster)}`];
  stages.undoAtEnd(async () => {
    await commands.must(['scale', ...operator, '--replicas=2']);
    await commands.must(['rollout', 'status', ...operator, '--timeout=120s']);
    await waitForWebhook(cluster, { untilMs: Date.now() + 60_000 });
  });
  await commands.must(['scale', ...operator, '--replicas=0']);
  const pods = ['pod', '-l', 'app.kubernetes.io/name=graceful-rollout', '-n', defaultNamespace];
  await commands.must(['wait', '--for=delete', ...pods, '--timeout=90s']);
  const watching = new AbortController();
  try {
    const watch = await watchPods(client, namespace, watching.signal);
    const plain = await everyPath(stage, watch, 'plain', 10_000);
    const without = await everyPath(stage, watch, 'protected', 10_000);
    const both = JSON.stringify({ plain, without });
    onProgress(`no operator: ${both}`);
    for (const path of ['write', 'personal', 'eviction', 'scaleDown'] as const) {
      expect(without[path] - plain[path], `${path}: ${both}`).toBeLessThan(1000);
    }
    const node = cluster.nodes[0] ?? '';
    await drainNode(stage, node);
    expect(commands.ran.at(-1)).toMatchObject({ code: 0 });
    await commands.must(['uncordon', node]);
    await untilSettled(stage, 120_000);
    expect(watch.leftBehind()).toEqual([]);
  } finally {
    watching.abort();
  }
});
