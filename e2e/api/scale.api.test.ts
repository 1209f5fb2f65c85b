import { afterAll, beforeAll, expect, test } from 'vitest';
import { ApiHarness } from './harness.ts';
import { createMany, type ScaleResult, withoutNodeLifecycle } from './scale.ts';

let harness: ApiHarness;

beforeAll(async () => {
  harness = await ApiHarness.start(withoutNodeLifecycle);
}, 900_000);

afterAll(async () => {
  await harness?.stop();
});

/** What every target must look like, whatever happened to the operator. */
function expectAllEnforced(result: ScaleResult, count: number): void {
  expect(result.targets).toHaveLength(count);
  for (const { metadata, spec } of result.targets) {
    const name = metadata.name ?? '';
    const [app] = spec.template.spec.containers;
    expect(app?.lifecycle?.preStop, name).toEqual({ sleep: { seconds: 5 } });
    expect(spec.template.spec.terminationGracePeriodSeconds, name).toBe(35);
    expect(spec.strategy?.rollingUpdate?.maxUnavailable, name).toBe(0);
    // Created by one write; every further one of ours raises the generation, which counts annotations too.
    expect((metadata.generation ?? 0) - 1, `${name}: writes of the operator`).toBeLessThanOrEqual(2);
    // The author's, and the completed one where the operator was away: changed once at most.
    expect(result.templates.get(name), `${name}: templates`).toBeGreaterThanOrEqual(1);
    expect(result.templates.get(name), `${name}: templates`).toBeLessThanOrEqual(2);
  }
  // Whichever way the contract came in, and whoever was killed on the way: one final state, names aside.
  const specs = result.targets.map(({ metadata, spec }) =>
    JSON.stringify(spec).replaceAll(`"${metadata.name}"`, '"NAME"'),
  );
  expect([...new Set(specs)]).toHaveLength(1);
  expect(result.rollouts).toHaveLength(count);
  for (const { metadata, status } of result.rollouts) {
    expect(status?.phase, metadata.name).toBe('Enforced');
    expect(status?.changes?.map(({ path, to }) => `${path}=${to}`).sort(), metadata.name).toEqual(
      [
        'spec.strategy.rollingUpdate.maxUnavailable=0',
        'spec.template.spec.containers[app].lifecycle={"preStop":{"sleep":{"seconds":5}}}',
        'spec.template.spec.terminationGracePeriodSeconds=35',
      ].sort(),
    );
  }
}

const count = 200;
const common = { count, random: Math.random, onProgress: (line: string) => process.stderr.write(`${line}\n`) };

test('200 GracefulRollouts with Deployments at once: all enforced and Ready, two writes to each at most', async () => {
  expectAllEnforced(await createMany(harness, { ...common, namespace: 'at-once', kills: 0 }), count);
}, 900_000);

test('200 GracefulRollouts with Deployments, the operator killed 50 times meanwhile: all enforced, no template changed twice', async () => {
  const result = await createMany(harness, { ...common, namespace: 'killed', kills: 50 });
  expect(result.kills).toBe(50);
  expect(result.killsWhileCreating, 'kills while targets were being created').toBeGreaterThanOrEqual(45);
  expect(result.readyAtLastKill, 'Ready before the last kill').toBeGreaterThan(0);
  expectAllEnforced(result, count);
}, 900_000);
