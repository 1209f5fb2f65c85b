import path from 'node:path';
import { expect, test } from 'vitest';
import { operatorName } from '../gate/everyPath.ts';
import { workloadsOf } from '../gate/gateCases.ts';
import { runGate } from '../gate/gateRun.ts';
import { gateTable } from '../gate/gateTable.ts';
import { gateRig, minimumRequests } from '../gate/gateTests.ts';
import { shortcomings } from '../gate/gateVerdict.ts';
import { keepGateEvidence } from '../gate/keepGateEvidence.ts';
import { killOperator, type OperatorKill } from '../gate/killOperator.ts';
import { rolloutRestart } from '../gate/operations.ts';
import { seeded } from '../gate/random.ts';
import type { Stage } from '../gate/stage.ts';
import { defaultNamespace } from '../install/chart.ts';
import { waitForWebhook } from '../install/webhookProbe.ts';
import { onProgress } from './clusterUnderTest.ts';

/**
 * What must be seen 3, on a real cluster and under load (`kills` enumerates the writes): rollouts of pods with the whole contract
 * while all replicas of the operator are killed. Pods end drained, or without the gate and with their preStop sleep of 5 s.
 */
const rig = gateRig();
const KILLING_MS = 90_000;
const SEED = 20_261_123;

test('rollouts while every replica of the operator is killed every few seconds lose nothing and leave nothing behind', async () => {
  const cluster = rig.cluster();
  const namespace = 'gate-killed-operator';
  const variant = { case: 'rollout', server: 'abrupt', mode: 'new-connection', termination: 'contract' } as const;
  let kills: readonly OperatorKill[] = [];
  const operation = async (stage: Stage): Promise<void> => {
    const untilMs = Date.now() + KILLING_MS;
    const rollouts = async (): Promise<void> => {
      while (Date.now() < untilMs) await rolloutRestart(stage);
    };
    [kills] = await Promise.all([killOperator(stage, seeded(SEED), untilMs), rollouts()]);
    const name = await operatorName(cluster);
    await stage.commands.must(['rollout', 'status', '-n', defaultNamespace, `deployment/${name}`, '--timeout=120s']);
    await waitForWebhook(cluster, { untilMs: Date.now() + 60_000 });
  };
  const result = await runGate(cluster, rig.client(), {
    name: 'rollout, operator killed',
    server: variant.server,
    mode: variant.mode,
    workloads: workloadsOf(variant, rig.image(variant.server)).map((workload) => ({ ...workload, namespace })),
    stage: {},
    operation,
    ratePerSecond: 500,
    minimumRequests,
    keep: false,
    onProgress,
    signal: new AbortController().signal,
  });
  const data = await keepGateEvidence(cluster, result, path.resolve('.tmp/e2e/gate/killed-operator'));
  const { podEnds = [] } = result.rows.find(({ side }) => side === 'protected') ?? {};
  const drained = podEnds.filter((end) => end.path !== undefined).length;
  const rollouts = result.commands.filter(({ args }) => args[1] === 'restart').length;
  onProgress(
    `${gateTable([result])}\n\n${kills.length} kills of ${kills.map(({ killed }) => killed).join('+')} processes, ` +
      `${kills.filter(({ leading }) => leading).length} of them with a leader, ` +
      `${kills.filter((kill) => kill.draining > 0).length} while pods were in drain; ${rollouts} rollouts, ` +
      `${drained} of ${podEnds.length} pods seen in drain\nwhen and where: ${data}`,
  );
  expect(shortcomings(result, { minimumRequests, plainLosesAtLeast: 10, operator: 'killed' })).toEqual([]);
  expect(kills.filter(({ killed }) => killed === 2).length, 'kills of both replicas').toBeGreaterThanOrEqual(6);
  expect(kills.filter(({ leading }) => leading).length, 'kills of a leader').toBeGreaterThanOrEqual(2);
  expect(kills.filter(({ draining }) => draining > 0).length, 'kills in the middle of drains').toBeGreaterThanOrEqual(
    1,
  );
});
