import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Client } from '../../src/kube/index.ts';
import { onProgress, operatorUnderTest } from '../cases/clusterUnderTest.ts';
import type { Cluster } from '../cluster/index.ts';
import { ensureServerImages } from '../servers/images.ts';
import { GATE_CASES, type GateCase, type GateVariant, plainLossFloor, workloadsOf } from './gateCases.ts';
import { runGate } from './gateRun.ts';
import { gateTable } from './gateTable.ts';
import { shortcomings } from './gateVerdict.ts';
import { keepGateEvidence } from './keepGateEvidence.ts';
import { rigClient } from './rigClient.ts';

/** Requests per row: `GATE_REQUESTS`, for development fewer than the 20,000 that count. */
export const minimumRequests = Number(process.env['GATE_REQUESTS'] ?? 20_000);

/** Which of the servers are rolled: `GATE_SERVERS`, both by default. */
const servers = (process.env['GATE_SERVERS'] ?? 'abrupt,draining').split(',');

/** What the tests of a file share; valid inside tests. */
export interface GateRig {
  cluster(): Cluster;
  client(): Client;
  image(server: 'abrupt' | 'draining'): string;
}

/** Sets up the cluster, the operator and the servers' images for the tests of a file. */
export function gateRig(
  clusterWithOperator: () => Promise<{ readonly cluster: Cluster }> = operatorUnderTest,
): GateRig {
  let rig: { cluster: Cluster; client: Client; images: Readonly<Record<'abrupt' | 'draining', string>> } | undefined;
  const ready = (): NonNullable<typeof rig> => {
    if (rig === undefined) throw new Error('the rig is not set up yet');
    return rig;
  };
  beforeAll(async () => {
    const signal = new AbortController().signal;
    const { cluster } = await clusterWithOperator();
    const client = await rigClient(cluster, signal);
    rig = { cluster, client, images: await ensureServerImages(cluster, onProgress, signal) };
  });
  afterAll(async () => {
    await rig?.client.close();
  });
  return { cluster: () => ready().cluster, client: () => ready().client, image: (server) => ready().images[server] };
}

/** A test per variant: the operation on both sides under load; 0 lost where protected, and nobody complains. */
export function testVariants(rig: GateRig, variants: readonly GateVariant[]): void {
  const wanted = variants.filter(({ server }) => servers.includes(server));
  test.each(wanted)('$case, $server, $mode, $termination', async (variant) => {
    const { case: name, server, mode, termination } = variant;
    const gateCase: GateCase = GATE_CASES[name];
    const cluster = rig.cluster();
    const workloads = workloadsOf(variant, rig.image(server));
    // No signal of the test: an aborted set-up or drain would leave cordons behind.
    const result = await runGate(cluster, rig.client(), {
      name,
      server,
      mode,
      workloads,
      stage: gateCase.stage?.(cluster) ?? {},
      operation: gateCase.operation(cluster, workloads),
      ratePerSecond: 500,
      minimumRequests,
      keep: false,
      onProgress,
      signal: new AbortController().signal,
    });
    const folder = path.resolve(`.tmp/e2e/gate/${name}-${server}-${termination}`);
    const data = await keepGateEvidence(cluster, result, folder);
    process.stderr.write(`\n${gateTable([result])}\n\nwhen and where: ${data}\n`);
    const { operator = 'stays' } = gateCase;
    const expected = { minimumRequests, plainLosesAtLeast: plainLossFloor(variant), operator };
    expect(shortcomings(result, expected)).toEqual([]);
  });
}
