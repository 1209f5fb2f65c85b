import { expect, test } from 'vitest';
import { mutatingWebhookConfigurations } from '../../src/kube/index.ts';
import { blackHole } from '../gate/blackHole.ts';
import { everyPath, operatorName } from '../gate/everyPath.ts';
import { gateAloneStages } from '../gate/gateAloneStages.ts';
import { gateRig } from '../gate/gateTests.ts';
import { watchPods } from '../gate/podWatch.ts';
import { untilSettled } from '../gate/stage.ts';
import { aPodOf, evict, timed } from '../gate/timed.ts';
import { waitForWebhook } from '../install/webhookProbe.ts';
import { onProgress } from './clusterUnderTest.ts';

/** What must be seen 4: a Service that swallows every call costs the time-out of its rule, and only where there is a target. */
const rig = gateRig();
const signal = new AbortController().signal;
const stages = gateAloneStages(rig);

/** The rule's time-out, and what kubectl and the API server need themselves. */
const RULE_MS = 2000 + 1500;
/** Of the rule for people. */
const PERSONAL_RULE_MS = 30_000 + 1500;

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
  expect(eviction, 'an eviction in a namespace without a target').toBeLessThan(1000);
  await untilSettled(elsewhere, 60_000);
  const deleted = await aPodOf(elsewhere, 'plain');
  const deletion = await timed(() =>
    commands.must(['delete', 'pod', '-n', elsewhere.namespace, deleted, '--wait=false']),
  );
  expect(deletion, 'a delete in a namespace without a target').toBeLessThan(1000);

  const watch = await watchPods(client, namespace, watching.signal);
  const swallowed = await everyPath(stage, watch, 'protected', 30_000);
  onProgress(`swallowed: ${JSON.stringify(swallowed)}`);
  expect(swallowed.write).toBeLessThan(RULE_MS);
  expect(swallowed.eviction).toBeLessThan(RULE_MS);
  // The ReplicaSet controller deletes both pods at the same time, a moment after the command.
  expect(swallowed.scaleDown).toBeLessThan(RULE_MS + 1000);
  expect(swallowed.personal).toBeLessThan(PERSONAL_RULE_MS);
});
