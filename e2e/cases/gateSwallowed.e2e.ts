import { expect, test } from 'vitest';
import { mutatingWebhookConfigurations } from '../../src/kube/index.ts';
import { blackHole } from '../gate/blackHole.ts';
import { everyPath, operatorName } from '../gate/everyPath.ts';
import { gateAloneStages } from '../gate/gateAloneStages.ts';
import { gateRig } from '../gate/gateTests.ts';
import { watchPods } from '../gate/podWatch.ts';
import { untilSettled } from '../gate/stage.ts';
import { aPodOf, evict, timed, untilEnding } from '../gate/timed.ts';
import { callsBetween, readWebhookCalls } from '../gate/webhookCalls.ts';
import { waitForWebhook } from '../install/webhookProbe.ts';
import { onProgress } from './clusterUnderTest.ts';

/** What must be seen 4: a Service that swallows every call costs the time-out of its rule, and only where there is a target. */
const rig = gateRig();
const signal = new AbortController().signal;
const stages = gateAloneStages(rig);

/** `timeoutSeconds` of each rule of the chart. */
const RULE_SECONDS = {
  'deployments.graceful-rollout.io': 2,
  'workloads.warnings.graceful-rollout.io': 1,
  'replicasets.gate.graceful-rollout.io': 2,
  'evictions.gate.graceful-rollout.io': 2,
  'people.gate.graceful-rollout.io': 30,
};
/** What a call may take besides: the API server's own work on a machine that is under load. */
const CALL_SLACK_SECONDS = 0.3;
/** What kubectl and the controllers need themselves, on a busy machine. The calls themselves are judged by the API server's counters. */
const OWN_MS = 3000;
/** Nothing was swallowed: shorter than the shortest of the gate's time-outs. */
const ELSEWHERE_MS = 1900;

test('a swallowed call costs 2 s, a swallowed delete of a person 30 s, and nothing elsewhere', async () => {
  const stage = await stages.set('gate-swallowed', { sides: ['protected'] });
  const elsewhere = await stages.set('gate-swallowed-elsewhere', { sides: ['plain'] });
  const { commands, cluster, client, namespace } = stage;
  const name = await operatorName(cluster);
  const configuration = await client.get(mutatingWebhookConfigurations, { name }, { signal });
  const service = configuration.webhooks?.[0]?.clientConfig.service;
  if (service === undefined) throw new Error(`${name} has no webhook with a Service`);
  const watching = new AbortController();
  const undo = await blackHole(cluster, client, service, signal);
  stages.undoAtEnd(async () => {
    watching.abort();
    await undo();
    await waitForWebhook(cluster, { untilMs: Date.now() + 60_000 });
  });

  const evicted = await aPodOf(elsewhere, 'plain');
  const eviction = await timed(() => evict(elsewhere, evicted));
  expect(eviction, 'an eviction in a namespace without a target').toBeLessThan(ELSEWHERE_MS);
  await untilSettled(elsewhere, 60_000);
  const deleted = await aPodOf(elsewhere, 'plain');
  const deletion = await timed(() =>
    commands.must(['delete', 'pod', '-n', elsewhere.namespace, deleted, '--wait=false']),
  );
  expect(deletion, 'a delete in a namespace without a target').toBeLessThan(ELSEWHERE_MS);

  const elsewhereWatch = await watchPods(client, elsewhere.namespace, watching.signal);
  await untilSettled(elsewhere, 60_000);
  const ending = untilEnding(elsewhereWatch, 'plain', 2, 30_000, signal);
  await commands.must(['scale', '-n', elsewhere.namespace, 'deployment/plain', '--replicas=2']);
  expect(await ending, 'a scale-down in a namespace without a target').toBeLessThan(ELSEWHERE_MS);

  const watch = await watchPods(client, namespace, watching.signal);
  const before = await readWebhookCalls(client, signal);
  const swallowed = await everyPath(stage, watch, 'protected', 30_000);
  const calls = callsBetween(before, await readWebhookCalls(client, signal));
  onProgress(`swallowed: ${JSON.stringify(swallowed)}; calls: ${JSON.stringify(Object.fromEntries(calls))}`);
  for (const [webhook, seconds] of Object.entries(RULE_SECONDS)) {
    const seen = calls.get(webhook);
    expect(seen, webhook).toBeDefined();
    expect(seen?.failedOpen, `${webhook}: every call was swallowed`).toBe(seen?.calls);
    // None is shorter than its time-out, so none can be longer behind the mean either.
    const each = (seen?.seconds ?? 0) / (seen?.calls ?? 0);
    expect(each, `${webhook}: seconds per call`).toBeGreaterThanOrEqual(seconds - 0.05);
    expect(each, `${webhook}: seconds per call`).toBeLessThanOrEqual(seconds + CALL_SLACK_SECONDS);
  }
  // Two rules, one after the other: the mutating one that completes the template, then the validating one that warns.
  expect(swallowed.write).toBeLessThan(3000 + OWN_MS);
  expect(swallowed.eviction).toBeLessThan(2000 + OWN_MS);
  // Twice: the victim is the pod that became Ready last, and its kubelet writes its status once more a second later. The API
  // server deletes what the webhook was asked about or nothing: it asks again, about the newer pod.
  expect(swallowed.scaleDown).toBeLessThan(4000 + OWN_MS);
  expect(swallowed.personal).toBeLessThan(30_000 + OWN_MS);
});
