import { afterAll, beforeAll, expect, test } from 'vitest';
import type { OperatorProcess } from './harness.ts';
import { deploymentObject, namespaceObject, serviceObject } from './objects.ts';
import { WarningsHarness, warningsFlags, warningsIn } from './warningsHarness.ts';

let harness: WarningsHarness;
let operator: OperatorProcess;

beforeAll(async () => {
  harness = await WarningsHarness.start();
  operator = await harness.api.startOperator({ args: warningsFlags });
}, 900_000);

afterAll(() => harness?.stop());

/** Serves without a readiness probe: GR101, which is not known without the Service. */
const unsafe = (namespace: string) =>
  deploymentObject(namespace, 'web', {
    containers: [{ name: 'app', image: 'registry.invalid/app:1', ports: [{ containerPort: 8080 }] }],
  });
const codesIn = (stderr: string): readonly string[] => warningsIn(stderr).map((line) => line.slice(0, 5));

/** How often the webhook was called. */
async function asked(): Promise<number> {
  const series = 'graceful_rollout_admission_requests_total{webhook="warn-workloads"';
  const lines = (await operator.metrics()).split('\n').filter((line) => line.startsWith(series));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

const orders = [
  ['Deployment above its Service', 'deployment-first', (objects: readonly object[]) => objects],
  ['Service above its Deployment', 'service-first', (objects: readonly object[]) => objects.toReversed()],
] as const;

test.each(orders)('the first apply of one file with the %s says it, once', async (_name, prefix, ordered) => {
  let said: readonly string[] = [];
  // The caches are a few milliseconds behind: what comes second may be faster.
  for (let attempt = 1; said.length === 0 && attempt <= 3; attempt += 1) {
    const namespace = `${prefix}-${attempt}`;
    await harness.api.apply([namespaceObject(namespace)]);
    said = codesIn((await harness.api.apply(ordered([unsafe(namespace), serviceObject(namespace)]))).stderr);
  }
  expect(said).toEqual(['GR101']);
});

test('a Service is never refused, and silent where it changes nothing for what it selects', async () => {
  const namespace = 'selected';
  const labels = { 'graceful-rollout.io/enforce': 'baseline' };
  await harness.api.apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } }]);
  await harness.api.apply([unsafe(namespace)]);
  const service = (selector?: object) => {
    const spec = { ports: [{ port: 80, targetPort: 8080 }], ...(selector === undefined ? {} : { selector }) };
    return { ...serviceObject(namespace), spec };
  };
  await harness.untilDryRun([service({ app: 'web' })], (stderr) => stderr.includes(`GR101: ${namespace}/web`));
  expect((await harness.api.apply([service({ app: 'other' })])).stderr).toBe('');
  const selecting = await harness.api.apply([service({ app: 'web' })]);
  expect([selecting.code, codesIn(selecting.stderr)]).toEqual([0, ['GR101']]);

  const before = await asked();
  const kubectl = (...args: string[]) => harness.api.kubectl([...args, '-n', namespace]);
  const condition = {
    type: 'example/Seen',
    status: 'True',
    reason: 'Seen',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  };
  const patch = JSON.stringify({ status: { conditions: [{ ...condition, message: '' }] } });
  const selectorless = { ...service(), metadata: { name: 'by-hand', namespace } };
  const results = [
    await harness.api.apply([service({ app: 'web' })]),
    await kubectl('annotate', 'service/web', 'example/note=x'),
    await kubectl('patch', 'service/web', '--subresource=status', '--type=merge', `--patch=${patch}`),
    await harness.api.apply([selectorless]),
  ];
  expect(results.map(({ stderr }) => stderr)).toEqual(['', '', '', '']);
  expect(await asked()).toBe(before);
});
