import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { DRAIN_ANNOTATION } from '../../src/api/index.ts';
import { GateHarness } from './gateHarness.ts';
import { Scene } from './gateScene.ts';
import { operatorNamespace, until } from './harness.ts';

/* A policy of the cluster forbids what the gate does to pods: nothing waits for ever, and people are told. */

let harness: GateHarness;
let count = 0;
let namespace: string;
let scene: Scene | undefined;

beforeAll(async () => {
  harness = await GateHarness.start({ stopMs: 1_000 });
  await harness.launch();
}, 900_000);

beforeEach(() => {
  count += 1;
  namespace = `refused-${count}`;
});

afterEach(async () => {
  await scene?.end();
  scene = undefined;
  await harness.api.kubectl(['delete', 'validatingadmissionpolicybinding,validatingadmissionpolicy', namespace], {
    allowFailure: true,
  });
});

afterAll(async () => {
  await harness?.stop();
});

const carriesLabel = {
  operations: ['CREATE', 'UPDATE'],
  expression: "'app' in object.metadata.?labels.orValue({})",
  message: 'pods carry the label app',
  /** What it must refuse when it is in force. */
  probe: ['label', 'app-'],
};
const ofReplicaSets = {
  operations: ['CREATE', 'UPDATE'],
  expression: "object.metadata.?ownerReferences.orValue([]).all(owner, owner.kind == 'ReplicaSet')",
  message: 'pods belong to ReplicaSets',
  probe: [
    'patch',
    '--type=merge',
    '--patch={"metadata":{"ownerReferences":[{"apiVersion":"apps/v1","kind":"Deployment","name":"x","uid":"x"}]}}',
  ],
};
const notByTheOperator = {
  operations: ['DELETE'],
  expression: `request.userInfo.username != 'system:serviceaccount:${operatorNamespace}:gr-graceful-rollout'`,
  message: 'operators delete nothing',
  probe: undefined,
};

async function gated(replicas: number): Promise<Scene> {
  const made = await Scene.make(harness, { namespace, replicas });
  scene = made;
  await harness.untilGated([namespace]);
  await made.watch();
  return made;
}

type Policy = Omit<typeof carriesLabel, 'probe'> & { readonly probe: readonly string[] | undefined };

/** The policy holds in the namespace of the test when this resolves. */
async function enforce(made: Scene, { operations, expression, message, probe }: Policy): Promise<void> {
  const apiVersion = 'admissionregistration.k8s.io/v1';
  const resourceRules = [{ apiGroups: [''], apiVersions: ['v1'], operations, resources: ['pods'] }];
  await harness.api.apply([
    {
      apiVersion,
      kind: 'ValidatingAdmissionPolicy',
      metadata: { name: namespace },
      spec: { failurePolicy: 'Fail', matchConstraints: { resourceRules }, validations: [{ expression, message }] },
    },
    {
      apiVersion,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: { name: namespace },
      spec: {
        policyName: namespace,
        validationActions: ['Deny'],
        matchResources: { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } } },
      },
    },
  ]);
  const [pod] = await made.listPods();
  const name = pod?.metadata.name ?? '';
  const [verb = 'delete', ...args] = probe ?? [];
  const as = probe === undefined ? [`--as=system:serviceaccount:${operatorNamespace}:gr-graceful-rollout`] : [];
  await until('the policy is in force', async () => {
    const asked = [verb, 'pod', name, '--dry-run=server', ...as, ...args];
    const { stderr } = await made.kubectl(asked, { allowFailure: true });
    return stderr.includes(message) ? true : undefined;
  });
}

async function violations(made: Scene): Promise<readonly string[]> {
  return (await made.warnings()).filter((line) => line.startsWith('GracefulRollout DrainViolation'));
}

async function first(made: Scene): Promise<string> {
  const [pod] = await made.listPods();
  return pod?.metadata.name ?? '';
}

test('a rollout whose pods may not lose their label ends; each pod is deleted after 15 s', async () => {
  const made = await gated(2);
  await enforce(made, carriesLabel);
  await made.newTemplate();
  await made.settled(2, 90_000);
  expect(made.ended.size).toBe(2);
  const told = await until('both are told', async () => {
    const lines = await violations(made);
    return lines.length >= 2 ? lines : undefined;
  });
  for (const line of told) expect(line).toContain(carriesLabel.message);
}, 180_000);

test('evictions, and a delete by a person, go through under the same policy', async () => {
  const made = await gated(3);
  await enforce(made, carriesLabel);
  await made.evict(await first(made), 60_000);
  await made.settled(3);
  const startedMs = performance.now();
  await made.kubectl(['delete', 'pod', await first(made), '--wait=false']);
  expect(performance.now() - startedMs).toBeLessThan(24_000);
  await made.settled(3);
  expect(made.ended.size).toBe(2);
  expect((await violations(made)).every((line) => line.includes(carriesLabel.message))).toBe(true);
}, 180_000);

test('the eviction of a single pod that may not be handed over goes through, as in plain Kubernetes', async () => {
  const made = await gated(1);
  await enforce(made, ofReplicaSets);
  await made.evict(await first(made), 60_000);
  await made.settled(1);
  expect((await violations(made)).join('\n')).toContain(ofReplicaSets.message);
}, 180_000);

test('a pod that the operator may not delete is told of, and goes when somebody else deletes it', async () => {
  const made = await gated(3);
  await enforce(made, notByTheOperator);
  await made.scale(2);
  await until('it is told', async () => {
    const [line] = await violations(made);
    return line?.includes(notByTheOperator.message) === true ? true : undefined;
  });
  // Its ReplicaSet's controller may have asked for a second one before the first was isolated: that one is given back.
  const drained = (await made.listPods()).find(
    ({ metadata }) => metadata.annotations?.[DRAIN_ANNOTATION] !== undefined && metadata.labels?.['app'] === undefined,
  );
  if (drained === undefined) throw new Error('no pod that is drained has been isolated');
  const startedMs = performance.now();
  await made.kubectl(['delete', 'pod', drained.metadata.name ?? '', '--wait=false']);
  // Held it would be for 25 s.
  expect(performance.now() - startedMs).toBeLessThan(10_000);
  await made.settled(2);
}, 180_000);

test('an eviction of a pod that the operator may not delete is let through when the pod is drained', async () => {
  const made = await gated(3);
  await enforce(made, notByTheOperator);
  const startedMs = performance.now();
  await made.evict(await first(made), 60_000);
  // Long before the time limit.
  expect(performance.now() - startedMs).toBeLessThan(30_000);
  await made.settled(3);
  expect(made.fewestReady).toBeGreaterThanOrEqual(2);
}, 180_000);
