import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { GracefulRollout } from '../../src/api/index.ts';
import type { Deployment } from '../../src/api/kubernetes.ts';
import { deployments, gracefulRollouts, typed } from '../../src/kube/index.ts';
import { ApiHarness, type OperatorProcess, until } from './harness.ts';
import { deploymentObject, namespaceObject, rolloutObject, serviceObject, waitForCondition } from './objects.ts';
import { TemplateWatch } from './templateWatch.ts';

let harness: ApiHarness;
let operator: OperatorProcess;
let watch: TemplateWatch;
let namespace: string;
let count = 0;

beforeAll(async () => {
  harness = await ApiHarness.start();
  operator = await harness.startOperator();
  watch = await TemplateWatch.start(harness.client);
}, 900_000);

afterAll(async () => {
  await watch?.stop();
  await harness?.stop();
});

beforeEach(async () => {
  count += 1;
  namespace = `peace-${count}`;
  await harness.apply([namespaceObject(namespace)]);
});

const live = (name = 'web'): Promise<Deployment> =>
  harness.client.get(deployments, { namespace, name }, { signal: harness.signal });
const rollout = (name = 'web'): Promise<GracefulRollout> =>
  harness.client.get(typed<GracefulRollout>(gracefulRollouts), { namespace, name }, { signal: harness.signal });
const conditionOf = async (type: string, name = 'web') =>
  (await rollout(name)).status?.conditions?.find((condition) => condition.type === type);
const graceOf = async (): Promise<number | undefined> =>
  (await live()).spec.template.spec.terminationGracePeriodSeconds;
const templates = (): number => watch.templatesOf(namespace).length;

/** A target that carries the contract, completed in its first write. */
async function enforced(podSpec: object = {}, spec: object = {}): Promise<void> {
  await harness.apply([serviceObject(namespace), rolloutObject(namespace, spec)]);
  await waitForCondition(harness, namespace, 'TargetFound=False');
  await harness.apply([deploymentObject(namespace, 'web', podSpec)]);
  await waitForCondition(harness, namespace, 'ContractEnforced');
  await watch.settled(namespace);
  expect(templates()).toBe(1);
}

test('a target that is there first is adopted by one write, one rollout', async () => {
  await harness.apply([serviceObject(namespace), deploymentObject(namespace)]);
  await watch.settled(namespace);
  const before = (await live()).metadata.generation ?? 0;
  await harness.apply([rolloutObject(namespace)]);
  await waitForCondition(harness, namespace, 'ContractEnforced');
  await watch.settled(namespace);
  expect(templates()).toBe(2);
  expect((await live()).metadata.generation).toBe(before + 1);
  const ours = ((await live()).metadata.managedFields ?? []).filter(({ manager }) => manager === 'graceful-rollout');
  expect(ours).toHaveLength(1);
  expect(JSON.stringify(ours[0]?.fieldsV1)).toContain('graceful-rollout.io/adopt');
  expect(ours[0]?.fieldsV1).not.toHaveProperty('f:spec');
  const { status } = await rollout();
  expect(status?.changes).toContainEqual({
    path: 'spec.template.spec.terminationGracePeriodSeconds',
    from: '30',
    to: '35',
  });
});

test('adoption NextRollout causes no rollout, and the next template change brings the contract', async () => {
  await harness.apply([serviceObject(namespace), deploymentObject(namespace)]);
  await harness.apply([rolloutObject(namespace, { adoption: 'NextRollout' })]);
  await until('the status says so', async () =>
    (await conditionOf('ContractEnforced'))?.reason === 'AwaitingNextRollout' ? true : undefined,
  );
  await watch.settled(namespace);
  expect(templates()).toBe(1);
  await harness.kubectl(['set', 'image', 'deployment/web', 'app=registry.invalid/app:2', '-n', namespace]);
  await waitForCondition(harness, namespace, 'ContractEnforced');
  await watch.settled(namespace);
  expect(templates()).toBe(2);
  expect(await graceOf()).toBe(35);
});

test('mode Audit reports what is missing and changes nothing', async () => {
  await harness.apply([serviceObject(namespace), deploymentObject(namespace)]);
  await harness.apply([rolloutObject(namespace, { mode: 'Audit' })]);
  await until('the report is there', async () =>
    (await conditionOf('ContractEnforced'))?.reason === 'Audited' ? true : undefined,
  );
  expect((await conditionOf('ContractEnforced'))?.status).toBe('False');
  expect((await conditionOf('ContractEnforced'))?.message).toContain('terminationGracePeriodSeconds');
  await harness.kubectl(['set', 'image', 'deployment/web', 'app=registry.invalid/app:2', '-n', namespace]);
  await watch.settled(namespace);
  const after = await live();
  expect(after.spec.template.spec.terminationGracePeriodSeconds).toBe(30);
  expect(after.metadata.annotations?.['graceful-rollout.io/contract']).toBeUndefined();
  expect(after.metadata.annotations?.['graceful-rollout.io/adopt']).toBeUndefined();
});

test('unrelated writes to a target change no template', async () => {
  await enforced();
  await harness.kubectl(['annotate', 'deployment', 'web', 'team=shop', '-n', namespace]);
  await harness.kubectl(['label', 'deployment', 'web', 'tier=front', '-n', namespace]);
  await harness.kubectl(['scale', 'deployment', 'web', '--replicas=3', '-n', namespace]);
  await harness.kubectl([
    ...['patch', 'deployment', 'web', '-n', namespace, '--type=merge'],
    ...['-p', '{"spec":{"replicas":4,"revisionHistoryLimit":3}}'],
  ]);
  await harness.kubectl(['rollout', 'pause', 'deployment/web', '-n', namespace]);
  await harness.kubectl(['rollout', 'resume', 'deployment/web', '-n', namespace]);
  await watch.settled(namespace);
  expect(templates()).toBe(1);
});

test('a changed GracefulRollout comes in as adoption says', async () => {
  await enforced();
  await harness.apply([rolloutObject(namespace, { termination: { drainSeconds: 60 } })]);
  await until('the longer grace period is there', async () => ((await graceOf()) === 70 ? true : undefined));
  await watch.settled(namespace);
  expect(templates()).toBe(2);
  await harness.apply([rolloutObject(namespace, { termination: { drainSeconds: 90 }, adoption: 'NextRollout' })]);
  await until('the status says so', async () =>
    (await conditionOf('ContractEnforced'))?.reason === 'AwaitingNextRollout' ? true : undefined,
  );
  expect(await graceOf()).toBe(70);
  await harness.kubectl(['rollout', 'restart', 'deployment/web', '-n', namespace]);
  await watch.settled(namespace);
  expect(templates()).toBe(3);
  expect(await graceOf()).toBe(100);
});

test('a contract that asks for less lowers what the operator had set, never what the author wrote', async () => {
  await enforced({ terminationGracePeriodSeconds: 50 }, { termination: { drainSeconds: 60 } });
  expect(await graceOf()).toBe(70);
  await harness.apply([rolloutObject(namespace, { termination: { drainSeconds: 25 } })]);
  await until('the status speaks of the newest', async () =>
    /next template change/.test((await conditionOf('ContractEnforced'))?.message ?? '') ? true : undefined,
  );
  expect(await graceOf()).toBe(70);
  await harness.kubectl(['rollout', 'restart', 'deployment/web', '-n', namespace]);
  await watch.settled(namespace);
  expect(await graceOf()).toBe(50);
  expect(templates()).toBe(2);
});

test('a restart, and a new version with another opinion, change no template by themselves', async () => {
  await enforced();
  await operator.kill();
  operator = await harness.startOperator();
  await sleep(1500);
  expect(templates()).toBe(1);

  const root = path.resolve(import.meta.dirname, '../..');
  const folder = path.join(root, '.tmp', `other-version-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  try {
    cpSync(path.join(root, 'src'), path.join(folder, 'src'), { recursive: true });
    const names = path.join(folder, 'src/api/names.ts');
    const text = readFileSync(names, 'utf8');
    const other = text.replace('GRACE_MARGIN_SECONDS = 5', 'GRACE_MARGIN_SECONDS = 11');
    expect(other).not.toBe(text);
    writeFileSync(names, other);
    await operator.terminate();
    operator = await harness.startOperator({ sources: path.join(folder, 'src') });
    await until('the new version says what it would do', async () =>
      /next template change/.test((await conditionOf('ContractEnforced'))?.message ?? '') ? true : undefined,
    );
    await harness.kubectl(['annotate', 'deployment', 'web', 'team=shop', '-n', namespace]);
    await harness.kubectl(['scale', 'deployment', 'web', '--replicas=3', '-n', namespace]);
    await watch.settled(namespace, 'web', 1000);
    expect(templates()).toBe(1);
    expect(await graceOf()).toBe(35);
    await harness.kubectl(['set', 'image', 'deployment/web', 'app=registry.invalid/app:2', '-n', namespace]);
    await watch.settled(namespace);
    expect(await graceOf()).toBe(41);
    expect(templates()).toBe(2);
  } finally {
    await operator.terminate();
    operator = await harness.startOperator();
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a Service that goes away, and comes back, starts no rollout and takes no protection away', async () => {
  await enforced();
  await harness.kubectl(['delete', 'service', 'web', '-n', namespace]);
  await until('the status says so', async () =>
    (await conditionOf('Ready'))?.reason === 'NoService' ? true : undefined,
  );
  await watch.settled(namespace, 'web', 1000);
  expect(templates()).toBe(1);
  expect(await graceOf()).toBe(35);
  // The colour that is not selected is released anew, and keeps what it had.
  await harness.kubectl(['set', 'image', 'deployment/web', 'app=registry.invalid/app:2', '-n', namespace]);
  await watch.settled(namespace);
  expect((await live()).spec.template.spec.containers[0]?.lifecycle?.preStop).toEqual({ sleep: { seconds: 5 } });
  await harness.apply([serviceObject(namespace)]);
  await until('the status says so', async () =>
    (await conditionOf('Ready'))?.reason !== 'NoService' ? true : undefined,
  );
  await watch.settled(namespace, 'web', 1000);
  expect(templates()).toBe(2);
  expect(await graceOf()).toBe(35);
});

test('a longer preStop sleep comes in as adoption says; a shorter one with the next template change', async () => {
  const sleepOf = async () => (await live()).spec.template.spec.containers[0]?.lifecycle?.preStop?.sleep?.seconds;
  await enforced();
  await harness.apply([rolloutObject(namespace, { termination: { preStopSleepSeconds: 8 } })]);
  await until('the longer sleep is there', async () => ((await sleepOf()) === 8 ? true : undefined));
  await watch.settled(namespace);
  expect(await graceOf()).toBe(38);
  expect(templates()).toBe(2);
  await harness.apply([rolloutObject(namespace, { termination: { preStopSleepSeconds: 2 } })]);
  await until('the status speaks of the newest', async () =>
    /next template change/.test((await conditionOf('ContractEnforced'))?.message ?? '') ? true : undefined,
  );
  expect(await sleepOf()).toBe(8);
  expect(templates()).toBe(2);
  await harness.kubectl(['rollout', 'restart', 'deployment/web', '-n', namespace]);
  await watch.settled(namespace);
  expect(await sleepOf()).toBe(2);
  expect(templates()).toBe(3);
});

test('a backup with an old adopt annotation written back is no touch', async () => {
  await harness.apply([serviceObject(namespace), deploymentObject(namespace)]);
  await harness.apply([rolloutObject(namespace, { adoption: 'NextRollout' })]);
  await until('the status says so', async () =>
    (await conditionOf('ContractEnforced'))?.reason === 'AwaitingNextRollout' ? true : undefined,
  );
  await harness.kubectl([
    'annotate',
    'deployment',
    'web',
    'graceful-rollout.io/adopt=0123456789abcdef.1',
    '-n',
    namespace,
  ]);
  await watch.settled(namespace);
  expect(templates()).toBe(1);
  expect(await graceOf()).toBe(30);
});

test('a deleted GracefulRollout gives back with the next template change, exactly what was changed', async () => {
  await enforced({ terminationGracePeriodSeconds: 20 });
  expect(await graceOf()).toBe(35);
  await harness.kubectl(['delete', 'gr', 'web', '-n', namespace]);
  await harness.kubectl(['annotate', 'deployment', 'web', 'team=shop', '-n', namespace]);
  await watch.settled(namespace);
  expect(await graceOf()).toBe(35);
  expect(templates()).toBe(1);
  await harness.kubectl(['set', 'image', 'deployment/web', 'app=registry.invalid/app:2', '-n', namespace]);
  await watch.settled(namespace);
  const after = await live();
  expect(templates()).toBe(2);
  expect(after.spec.template.spec.terminationGracePeriodSeconds).toBe(20);
  expect(after.spec.template.spec.containers[0]?.lifecycle).toBeUndefined();
  expect(after.spec.template.spec.containers[0]?.readinessProbe?.httpGet?.path).toBe('/ready');
  expect(after.spec.strategy?.rollingUpdate?.maxUnavailable).toBe('25%');
  expect(Object.keys(after.metadata.annotations ?? {}).filter((key) => key.startsWith('graceful-rollout.io'))).toEqual(
    [],
  );
});

test('give-back gives back at once; while a GracefulRollout governs it warns and does nothing', async () => {
  await enforced();
  const annotate = ['annotate', 'deployment', 'web', 'graceful-rollout.io/give-back=true', '-n', namespace];
  const warned = await harness.kubectl(annotate);
  expect(warned.stderr).toMatch(/Warning: .*GracefulRollout/);
  expect(await graceOf()).toBe(35);
  expect(templates()).toBe(1);
  await harness.kubectl(['delete', 'gr', 'web', '-n', namespace]);
  await until('the webhook knows that it is gone', async () => {
    await harness.kubectl([...annotate, '--overwrite'], { allowFailure: true });
    return (await graceOf()) === 30 ? true : undefined;
  });
  await watch.settled(namespace);
  expect(templates()).toBe(2);
  const annotations = Object.keys((await live()).metadata.annotations ?? {});
  expect(annotations.filter((key) => key.startsWith('graceful-rollout.io'))).toEqual([]);
});

test('with the operator down applies go through, and what the manifest does not name stays', async () => {
  await enforced();
  await operator.kill();
  try {
    const changed = deploymentObject(namespace);
    const [app] = changed.spec.template.spec.containers;
    const containers = [{ ...app, image: 'registry.invalid/app:2' }];
    await harness.apply([deploymentObject(namespace, 'web', { containers })]);
    expect(await graceOf()).toBe(35);
    // The one documented exception: a handler of another type beside ours.
    const handler = [{ ...app, lifecycle: { preStop: { exec: { command: ['sleep', '9'] } } } }];
    const refused = await harness.kubectl(['apply', '-f', '-'], {
      input: JSON.stringify(deploymentObject(namespace, 'web', { containers: handler })),
      allowFailure: true,
    });
    expect(refused.stderr).toContain('may not specify more than 1 handler type');
    operator = await harness.startOperator();
    await harness.apply([deploymentObject(namespace, 'web', { containers: handler })]);
    const hook = (await live()).spec.template.spec.containers[0]?.lifecycle?.preStop;
    expect(hook).toEqual({ exec: { command: ['sleep', '9'] } });
  } finally {
    if (operator.ended) operator = await harness.startOperator();
  }
  await watch.settled(namespace);
  expect(templates()).toBe(3);
  expect(await graceOf()).toBe(39);
});

test('a writer that insists is named, and never fought', async () => {
  await enforced();
  const generation = (await live()).metadata.generation;
  const lower = '{"spec":{"template":{"spec":{"terminationGracePeriodSeconds":30}}}}';
  for (let n = 0; n < 6; n += 1) {
    await harness.kubectl(['patch', 'deployment', 'web', '-n', namespace, '--type=merge', '-p', lower]);
  }
  await waitForCondition(harness, namespace, 'Contested');
  const contested = await conditionOf('Contested');
  expect(contested?.message).toContain('spec.template.spec.terminationGracePeriodSeconds');
  expect(contested?.message).toContain('admin wrote');
  await watch.settled(namespace);
  expect(templates()).toBe(1);
  expect((await live()).metadata.generation).toBe(generation);
  const events = await harness.kubectl(['get', 'events', '-n', namespace]);
  expect(events.stdout).toContain('FieldContested');
  // More where the API server tried one of the six again, after a conflict with the Deployment controller's status.
  const counted = `graceful_rollout_contested_writes_total{namespace="${namespace}",deployment="web"} (\\d+)`;
  expect(Number(new RegExp(counted).exec(await operator.metrics())?.[1])).toBeGreaterThanOrEqual(6);
});

test('a writer whose writes do not pass the webhook gets at most one write of ours', async () => {
  await enforced();
  await harness.kubectl(['delete', 'mutatingwebhookconfiguration', 'graceful-rollout']);
  const lower = '{"spec":{"template":{"spec":{"terminationGracePeriodSeconds":10}}}}';
  try {
    await harness.kubectl(['patch', 'deployment', 'web', '-n', namespace, '--type=merge', '-p', lower]);
    await until('the condition says that the webhook is not called', async () =>
      (await conditionOf('ContractEnforced'))?.reason === 'WebhookNotCalled' ? true : undefined,
    );
    // The Deployment controller still answers the patch (its revision, its status): those writes are not ours.
    await watch.settled(namespace);
    const before = watch.versionsOf(namespace);
    await sleep(1500);
    const annotation = (await live()).metadata.annotations?.['graceful-rollout.io/adopt'];
    expect(annotation).toBeUndefined();
    expect(templates()).toBe(2);
    expect(watch.versionsOf(namespace)).toBe(before);
  } finally {
    await harness.apply([harness.webhookConfiguration()]);
  }
  await until(
    'it is adopted once the webhook is back',
    async () => ((await graceOf()) === 35 ? true : undefined),
    40_000,
  );
  await watch.settled(namespace);
  expect(templates()).toBe(3);
});

test('a writer that resets the value after each of our writes gets one write of ours per change of the target', async () => {
  await enforced();
  // Its writes do not pass the webhook, which would complete them: ours come as touches, and it undoes each.
  const configuration = harness.webhookConfiguration() as { webhooks: { matchConditions: object[] }[] };
  const expression = "request.userInfo.username != 'insister'";
  for (const webhook of configuration.webhooks) webhook.matchConditions.push({ name: 'not-the-insister', expression });
  await harness.apply([configuration]);
  await sleep(1_000);
  const lower = '{"spec":{"template":{"spec":{"terminationGracePeriodSeconds":10}}}}';
  const as = ['--as', 'insister', '--as-group', 'system:masters'];
  const stop = new AbortController();
  const insist = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      if ((await graceOf()) !== 10) {
        await harness.kubectl(['patch', 'deployment', 'web', '-n', namespace, '--type=merge', '-p', lower, ...as]);
      }
      await sleep(50);
    }
  };
  const adoptions = async (): Promise<number> =>
    Number(/^graceful_rollout_adoptions_total\{result="Written"\} (\d+)/m.exec(await operator.metrics())?.[1] ?? 0);
  /** Templates that have the contract, by the watch, which misses none. */
  const raised = (): number => watch.templatesOf(namespace).filter((text) => text.includes('Seconds":35')).length;
  const before = await adoptions();
  const insisting = insist();
  insisting.catch(() => undefined);
  try {
    const overruled = async (writes: number): Promise<void> => {
      await until(`write ${writes} of ours is there and undone`, async () =>
        (await adoptions()) - before === writes && (await graceOf()) === 10 ? true : undefined,
      );
      await waitForCondition(harness, namespace, 'Contested');
      // Long enough for several more, were it a fight.
      await sleep(3_000);
      await watch.settled(namespace);
      expect((await adoptions()) - before).toBe(writes);
    };
    await overruled(1);
    expect(raised()).toBe(2);
    const contested = await conditionOf('Contested');
    expect(contested?.message).toContain('spec.template.spec.terminationGracePeriodSeconds');
    const containers = [
      { ...deploymentObject(namespace).spec.template.spec.containers[0], image: 'registry.invalid/app:2' },
    ];
    await harness.apply([deploymentObject(namespace, 'web', { containers })]);
    // The author's write, completed by the webhook, and one of ours after it was undone.
    await overruled(2);
    expect(raised()).toBe(4);
    const events = await harness.kubectl(['get', 'events', '-n', namespace]);
    expect(events.stdout).toContain('FieldContested');
  } finally {
    stop.abort();
    await harness.apply([harness.webhookConfiguration()]);
  }
  await insisting;
});

const app = { name: 'app', image: 'registry.invalid/app:1', ports: [{ containerPort: 8080 }] };
test.each([
  [
    'a container that is not there',
    'ContainerNotFound',
    {},
    { readiness: { container: 'nobody', probe: { tcpSocket: { port: 8080 } } } },
  ],
  [
    'a probe of a port that is not there',
    'ProbePortNotFound',
    { containers: [app] },
    { readiness: { probe: { tcpSocket: { port: 'web' } } } },
  ],
  [
    'a hook of its own that is too short',
    'HookTooShort',
    { containers: [{ ...app, lifecycle: { preStop: { sleep: { seconds: 1 } } } }] },
    {},
  ],
  ['Windows pods', 'WindowsPods', { os: { name: 'windows' } }, {}],
  [
    'a port of the node',
    'SurgeImpossible',
    { containers: [{ ...app, ports: [{ containerPort: 8080, hostPort: 8080 }] }] },
    {},
  ],
] as const)('what only the cluster knows is reported, with its remedy: %s', async (_name, code, podSpec, spec) => {
  await harness.apply([serviceObject(namespace), deploymentObject(namespace, 'web', podSpec)]);
  await harness.apply([rolloutObject(namespace, spec)]);
  const found = await until(`${code} is found`, async () =>
    (await rollout()).status?.findings?.find((finding) => finding.code === code),
  );
  expect(found.message).not.toBe('');
  expect(found.field).toMatch(/^spec\./);
  expect(found.remedy).toMatch(/\w/);
  const events = await until('the event is there', async () => {
    const { stdout } = await harness.kubectl(['get', 'events', '-n', namespace, '--field-selector=reason=Finding']);
    return stdout.includes(code) ? stdout : undefined;
  });
  expect(events).toContain('gracefulrollout/web');
  expect(operator.ended).toBe(false);
});

test('after the mistakes above a fresh GracefulRollout becomes Ready in the same process', async () => {
  await enforced({}, {});
  await harness.apply([deploymentObject(namespace, 'web', {}, { replicas: 0 })]);
  await waitForCondition(harness, namespace, 'Ready');
  expect(operator.ended).toBe(false);
});

test('Recreate is reported and left alone; the rest of the contract is enforced', async () => {
  await harness.apply([
    serviceObject(namespace),
    deploymentObject(namespace, 'web', {}, { strategy: { type: 'Recreate' } }),
    rolloutObject(namespace),
  ]);
  await waitForCondition(harness, namespace, 'ContractEnforced');
  expect((await live()).spec.strategy).toEqual({ type: 'Recreate' });
  expect(await graceOf()).toBe(35);
  expect((await rollout()).status?.findings?.map(({ code }) => code)).toContain('RecreateStrategy');
});

test('metrics tell the phases, conditions, adoptions and admissions', async () => {
  await enforced();
  await harness.apply([rolloutObject(namespace, { termination: { drainSeconds: 60 } })]);
  await until('the longer grace period is there', async () => ((await graceOf()) === 70 ? true : undefined));
  const text = await until('the scrape shows it', async () => {
    const scraped = await operator.metrics();
    return scraped.includes(
      `graceful_rollout_condition{namespace="${namespace}",name="web",type="ContractEnforced",status="True"`,
    )
      ? scraped
      : undefined;
  });
  expect(text).toMatch(/graceful_rollout_objects\{phase="[A-Z]\w+"\} [1-9]/);
  expect(text).toMatch(
    /graceful_rollout_admission_requests_total\{webhook="mutate-deployments",decision="Completed"\} [1-9]/,
  );
  expect(text).toMatch(/graceful_rollout_adoptions_total\{result="Written"\} [1-9]/);
  const documented = readFileSync(path.resolve(import.meta.dirname, '../../docs/reference/metrics.md'), 'utf8');
  const served = [...text.matchAll(/^# TYPE (\w+) /gm)].map(([, name = '']) => name);
  const ours = served.filter((name) => !/^(process|nodejs)_/.test(name));
  expect(ours.length).toBeGreaterThan(20);
  expect(ours.filter((name) => !documented.includes(`\`${name}\``))).toEqual([]);
  expect(text).toMatch(/graceful_rollout_certificate_expiry_timestamp_seconds\{certificate="leaf"\} \d+/);
});

test('ordinary situations have a clear status', async () => {
  await harness.apply([rolloutObject(namespace)]);
  await until('missing', async () => ((await conditionOf('Ready'))?.reason === 'TargetNotFound' ? true : undefined));
  expect((await conditionOf('Ready'))?.message).toContain('does not exist');
  await harness.apply([deploymentObject(namespace, 'web', {}, { replicas: 0 })]);
  await until('no Service', async () => ((await conditionOf('Ready'))?.reason === 'NoService' ? true : undefined));
  await harness.apply([serviceObject(namespace)]);
  await until('scaled to zero', async () =>
    (await conditionOf('Ready'))?.reason === 'ScaledToZero' ? true : undefined,
  );
  expect((await conditionOf('Ready'))?.status).toBe('True');
  await harness.apply([rolloutObject(namespace, {}, 'younger', 'web')]);
  await until('the younger one says so', async () =>
    (await conditionOf('Ready', 'younger'))?.reason === 'HeldByOlder' ? true : undefined,
  );
  expect((await conditionOf('Ready', 'younger'))?.message).toContain('GracefulRollout web');
  await harness.kubectl(['delete', 'gr', 'web', '-n', namespace]);
  await until('the younger one governs', async () =>
    (await conditionOf('Ready', 'younger'))?.status === 'True' ? true : undefined,
  );
  await harness.kubectl(['rollout', 'pause', 'deployment/web', '-n', namespace]);
  await harness.kubectl(['scale', 'deployment/web', '--replicas=1', '-n', namespace]);
  await harness.kubectl(['set', 'image', 'deployment/web', 'app=registry.invalid/app:2', '-n', namespace]);
  await until('paused', async () => ((await conditionOf('Ready', 'younger'))?.reason === 'Paused' ? true : undefined));
  await harness.kubectl(['delete', 'deployment', 'web', '-n', namespace]);
  await until('gone', async () =>
    (await conditionOf('Ready', 'younger'))?.reason === 'TargetNotFound' ? true : undefined,
  );
});
