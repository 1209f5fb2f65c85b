import { expect, test } from 'vitest';
import { pods } from '../../src/kube/index.ts';
import { gateAloneStages } from '../gate/gateAloneStages.ts';
import { gateRig } from '../gate/gateTests.ts';
import { watchPods } from '../gate/podWatch.ts';
import { untilSettled } from '../gate/stage.ts';
import { until } from '../gate/timed.ts';

/** What must be seen 7: a node is lost. It takes the control plane most of a minute to see it. */
const rig = gateRig();
const signal = new AbortController().signal;
const SLACK_MS = 3000;
const stages = gateAloneStages(rig);

test('pods of a lost node are deleted and replaced as without the gate', async () => {
  const stage = await stages.set('gate-lost-node', { change: { tolerateLostNodeSeconds: 5 } });
  const { cluster, client, namespace } = stage;
  const node = cluster.nodes.at(-1) ?? '';
  const watching = new AbortController();
  const watch = await watchPods(client, namespace, watching.signal);
  const lost = watch.present.filter((pod) => pod.spec.nodeName === node).map(({ metadata }) => metadata.name ?? '');
  const sideOf = (pod: string): string => pod.split('-')[0] ?? '';
  expect(new Set(lost.map(sideOf))).toEqual(new Set(['plain', 'protected']));
  const endedAtMs = new Map<string, number>();
  try {
    await cluster.stopComponent(`${node}/kubelet`);
    await until(`pods of the lost ${node} are not being deleted`, 150_000, signal, () => {
      for (const { metadata } of watch.present) {
        const name = metadata.name ?? '';
        if (metadata.deletionTimestamp !== undefined && !endedAtMs.has(name)) endedAtMs.set(name, Date.now());
      }
      return lost.every((pod) => endedAtMs.has(pod));
    });
    const latest = (side: string): number =>
      Math.max(...[...endedAtMs].filter(([pod]) => sideOf(pod) === side).map(([, atMs]) => atMs));
    expect(latest('protected') - latest('plain')).toBeLessThan(SLACK_MS);
    for (const side of ['plain', 'protected']) {
      await until(`${side} is not replaced`, 60_000, signal, async () => {
        const { items } = await client.list(pods, {
          namespace,
          labelSelector: `app=${side}`,
          signal,
        });
        return items.filter((pod) => pod.spec.nodeName !== node).length >= 4;
      });
    }
  } finally {
    watching.abort();
    await cluster.startComponent(`${node}/kubelet`);
    await stage.commands.run(['wait', 'node', node, '--for=condition=Ready', '--timeout=90s']);
  }
  await untilSettled(stage, 120_000);
});
