import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Container, Deployment } from '../../src/api/kubernetes.ts';
import { deployments } from '../../src/kube/index.ts';
import { goTool } from '../cluster/goTools.ts';
import { ApiHarness } from './harness.ts';
import { namespaceObject, rolloutObject, serviceObject, waitForCondition } from './objects.ts';
import { TemplateWatch } from './templateWatch.ts';
import { type Edit, helm, kubectlApply, kubectlEdit, kubectlReplace, serverSideApply, type Way } from './ways.ts';

let harness: ApiHarness;
let programs: { readonly helm3: string; readonly helm4: string };

beforeAll(async () => {
  programs = { helm3: await goTool('helm3'), helm4: await goTool('helm4') };
  harness = await ApiHarness.start();
  await harness.startOperator();
}, 900_000);

afterAll(async () => {
  await harness?.stop();
});

const app: Container = {
  name: 'app',
  image: 'registry.invalid/app:1',
  ports: [{ name: 'http', containerPort: 8080 }],
  readinessProbe: { httpGet: { path: '/ready', port: 8080 } },
};

function manifestOf(namespace: string): Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace, labels: { app: 'web' } },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [app] } },
    },
  };
}

const podSpec =
  (change: (spec: Deployment['spec']['template']['spec']) => Deployment['spec']['template']['spec']): Edit =>
  (deployment) => ({
    ...deployment,
    spec: {
      ...deployment.spec,
      template: { ...deployment.spec.template, spec: change(deployment.spec.template.spec) },
    },
  });

const container = (name: string, change: (container: Container) => Container): Edit =>
  podSpec((spec) => ({
    ...spec,
    containers: spec.containers.map((each) => (each.name === name ? change(each) : each)),
  }));

const without =
  (name: string): Edit =>
  (deployment) =>
    podSpec((spec) => ({ ...spec, containers: spec.containers.filter((each) => each.name !== name) }))(deployment);

interface Step {
  readonly name: string;
  /** `undefined`: the same manifest again. */
  readonly edit?: Edit;
  readonly rollouts: 0 | 1;
  /** Grace period after the step, seconds. Default 35: preStop 5 + drain 25 + margin 5. */
  readonly grace?: number;
  /** preStop of `app` after the step. */
  readonly hook?: 'ours' | 'exec';
  readonly warns?: RegExp;
}

/** In this order, one after another, by every way. */
const steps: readonly Step[] = [
  { name: 're-apply unchanged', rollouts: 0 },
  { name: 'change the image', edit: container('app', (c) => ({ ...c, image: 'registry.invalid/app:2' })), rollouts: 1 },
  { name: 're-apply unchanged again', rollouts: 0 },
  {
    name: 'add a container',
    edit: podSpec((spec) => ({
      ...spec,
      containers: [...spec.containers, { name: 'proxy', image: 'registry.invalid/proxy:1' }],
    })),
    rollouts: 1,
  },
  {
    name: 'rename a container',
    edit: container('proxy', (c) => ({ ...c, name: 'mesh' })),
    rollouts: 1,
  },
  { name: 'remove a container', edit: without('mesh'), rollouts: 1 },
  {
    name: 'set a lower grace period',
    edit: podSpec((spec) => ({ ...spec, terminationGracePeriodSeconds: 12 })),
    rollouts: 0,
    // The arithmetic and the value to write; by ways that do not tell what the manifest names, worded for both cases.
    warns:
      /shop-\S+\/web: terminationGracePeriodSeconds 12 is too short, set to 35 \(preStop 5 s \+ drain 25 s \+ margin 5 s\) .*(write 35 in the manifest|write 35 there)/,
  },
  {
    name: 'set a higher grace period',
    edit: podSpec((spec) => ({ ...spec, terminationGracePeriodSeconds: 120 })),
    rollouts: 1,
    grace: 120,
  },
  { name: 're-apply the higher grace period', rollouts: 0, grace: 120 },
  {
    name: 'set a preStop hook of its own',
    edit: container('app', ({ lifecycle: _, ...c }) => ({
      ...c,
      lifecycle: { preStop: { exec: { command: ['sleep', '7'] } } },
    })),
    rollouts: 1,
    grace: 120,
    hook: 'exec',
  },
  {
    name: 'remove the preStop hook of its own',
    edit: container('app', ({ lifecycle: _, ...c }) => c),
    rollouts: 1,
    grace: 120,
  },
];

const ways: readonly (readonly [string, (h: ApiHarness) => Way])[] = [
  ['kubectl-apply', kubectlApply],
  ['server-side', serverSideApply],
  ['kubectl-replace', kubectlReplace],
  ['kubectl-edit', kubectlEdit],
  ['helm-3', (h) => helm(h, programs.helm3, 'Helm 3')],
  ['helm-4', (h) => helm(h, programs.helm4, 'Helm 4')],
];

describe.each(ways)('%s', (key, makeWay) => {
  test('every change of a manifest gives one rollout, none gives none, and the contract holds after each', async () => {
    const namespace = `shop-${key}`;
    await harness.apply([namespaceObject(namespace), serviceObject(namespace), rolloutObject(namespace)]);
    // The webhook's caches have them once the status says that the target is missing.
    await waitForCondition(harness, namespace, 'TargetFound=False');
    const way = makeWay(harness);
    const watcher = await TemplateWatch.start(harness.client, namespace);
    const rollouts = (): number => watcher.templatesOf(namespace).length;
    try {
      let manifest = manifestOf(namespace);
      await way.write(manifest, undefined);
      await watcher.settled(namespace);
      expect(rollouts(), 'create').toBe(1);
      await expectContract(namespace, { grace: 35, hook: 'ours' });
      await waitForCondition(harness, namespace, 'ContractEnforced');
      for (const step of steps) {
        const before = { templates: rollouts(), generation: (await live(namespace)).metadata.generation };
        if (step.edit !== undefined) manifest = step.edit(manifest);
        const result = await way.write(manifest, step.edit);
        await watcher.settled(namespace);
        const after = await live(namespace);
        expect(rollouts() - before.templates, `${step.name}: rollouts`).toBe(step.rollouts);
        // A replace drops the Deployment controller's own revision annotation, which raises the generation in any cluster
        // (pkg/registry/apps/deployment/strategy.go); that it is no rollout holds for it too, above.
        if (step.edit === undefined && key !== 'kubectl-replace') {
          expect(after.metadata.generation, `${step.name}: generation`).toBe(before.generation);
        }
        expect(`${result.stdout}${result.stderr}`).not.toMatch(/conflict/i);
        if (step.warns !== undefined) expect(result.stderr, step.name).toMatch(step.warns);
        await expectContract(namespace, { grace: step.grace ?? 35, hook: step.hook ?? 'ours' }, step.name);
      }
      const beforeUndo = rollouts();
      await harness.kubectl(['rollout', 'undo', 'deployment/web', '-n', namespace]);
      await watcher.settled(namespace);
      expect(rollouts() - beforeUndo, 'rollout undo').toBe(1);
      await expectContract(namespace, { grace: 120, hook: 'exec' }, 'rollout undo');
      // The same way once more, with the manifest that was undone. It takes the hook out again where the whole object is
      // sent or edited; a merge and server-side apply take out only what the manifest named the last time.
      const wholeObject = key === 'kubectl-replace' || key === 'kubectl-edit';
      const beforeAgain = rollouts();
      const again = await way.write(manifest, steps.at(-1)?.edit);
      await watcher.settled(namespace);
      expect(`${again.stdout}${again.stderr}`).not.toMatch(/conflict/i);
      expect(rollouts() - beforeAgain, 're-apply after the undo').toBe(wholeObject ? 1 : 0);
      await expectContract(namespace, { grace: 120, hook: wholeObject ? 'ours' : 'exec' }, 're-apply after the undo');
      const owners = (await live(namespace)).metadata.managedFields ?? [];
      for (const { manager, fieldsV1 } of owners) {
        if (manager === 'graceful-rollout') expect(fieldsV1).not.toHaveProperty('f:spec');
      }
    } finally {
      way.close();
      await watcher.stop();
    }
  });
});

async function live(namespace: string): Promise<Deployment> {
  return harness.client.get(deployments, { namespace, name: 'web' }, { signal: harness.signal });
}

async function expectContract(
  namespace: string,
  wanted: { readonly grace: number; readonly hook: 'ours' | 'exec' },
  step = 'create',
): Promise<void> {
  const { spec } = await live(namespace);
  const hooks = spec.template.spec.containers.map(({ lifecycle }) => lifecycle?.preStop);
  const [first, ...others] = hooks;
  const ours = { sleep: { seconds: 5 } };
  expect(first, `${step}: preStop`).toEqual(wanted.hook === 'ours' ? ours : { exec: { command: ['sleep', '7'] } });
  for (const hook of others) expect(hook, `${step}: preStop of a sidecar`).toEqual(ours);
  expect(spec.template.spec.terminationGracePeriodSeconds, `${step}: grace period`).toBe(wanted.grace);
  expect(spec.strategy?.rollingUpdate?.maxUnavailable, `${step}: maxUnavailable`).toBe(0);
}
