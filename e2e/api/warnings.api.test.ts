import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type CommandResult, type OperatorProcess, until } from './harness.ts';
import { deploymentObject, namespaceObject, rolloutObject, serviceObject } from './objects.ts';
import { WarningsHarness, warningsFlags, warningsIn } from './warningsHarness.ts';

let harness: WarningsHarness;
let operator: OperatorProcess;
let namespace: string;
let count = 0;

beforeAll(async () => {
  harness = await WarningsHarness.start();
  operator = await harness.api.startOperator({ args: warningsFlags });
}, 900_000);

afterAll(() => harness?.stop());

beforeEach(async () => {
  count += 1;
  namespace = `warned-${count}`;
  await harness.api.apply([namespaceObject(namespace)]);
});

/** Serves without a readiness probe (GR101), may lose all its pods at once (GR302), `:latest` (GR501, strict). */
const unsafe = (name = 'web', annotations: object = {}, image = 'registry.invalid/app:latest') => {
  const container = { name: 'app', image, ports: [{ containerPort: 8080 }] };
  const strategy = { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '100%', maxSurge: 0 } };
  const deployment = deploymentObject(namespace, name, { containers: [container] }, { strategy });
  return { ...deployment, metadata: { ...deployment.metadata, annotations } };
};
const codesIn = ({ stderr }: CommandResult): readonly string[] => warningsIn(stderr).map((line) => line.slice(0, 5));
const label = (...labels: string[]) =>
  harness.api.kubectl([
    'label',
    '--overwrite',
    'namespace',
    namespace,
    ...labels.map((text) => `graceful-rollout.io/${text}`),
  ]);

/** The Service is there and the operator knows it: what needs it is said. */
async function served(): Promise<void> {
  await harness.api.apply([serviceObject(namespace)]);
  await harness.untilDryRun([unsafe()], (stderr) => stderr.includes('GR101'));
}

/** How often the webhook was called. */
async function asked(): Promise<number> {
  const counter = 'graceful_rollout_admission_requests_total';
  const lines = (await operator.metrics())
    .split('\n')
    .filter((line) => line.startsWith(`${counter}{webhook="warn-workloads"`));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

test.each([
  ['kubectl apply', []],
  ['server-side apply', ['--server-side']],
])('%s prints what will lose requests; a template that is mended is silent', async (_way, flags) => {
  await served();
  const first = await harness.api.apply([unsafe()], flags);
  expect(codesIn(first)).toEqual(['GR101', 'GR302']);
  expect(warningsIn(first.stderr)[0]).toContain(`${namespace}/web: container app`);
  const unchanged = await harness.api.apply([unsafe()], flags);
  expect(unchanged.stderr).toBe('');
  const image = await harness.api.apply([unsafe('web', {}, 'registry.invalid/app:2')], flags);
  expect(codesIn(image)).toEqual(['GR101', 'GR302']);
  const mended = deploymentObject(
    namespace,
    'web',
    {},
    {
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
    },
  );
  expect((await harness.api.apply([mended], flags)).stderr).toBe('');
});

test('every kind that has a template is judged, and no ReplicaSet of a Deployment', async () => {
  await served();
  const { spec } = unsafe();
  const { selector, template } = spec;
  const object = (kind: string, own: object) => ({
    apiVersion: 'apps/v1',
    kind,
    metadata: { name: 'web', namespace },
    spec: { selector, template, ...own },
  });
  for (const each of [
    object('StatefulSet', { serviceName: 'web' }),
    object('DaemonSet', {}),
    object('ReplicaSet', { replicas: 1 }),
  ]) {
    expect(codesIn(await harness.api.apply([each])), each.kind).toContain('GR101');
  }
  const before = await asked();
  await harness.api.apply([unsafe('owner')]);
  const owned = await until('the Deployment has its ReplicaSet', async () => {
    const { stdout } = await harness.api.kubectl(['get', 'replicasets', '-n', namespace, '-o', 'name']);
    return stdout.split('\n').find((line) => line.includes('owner-'));
  });
  expect(owned).toContain('replicaset');
  expect(await asked()).toBe(before + 1);
});

test('an Argo Rollout is judged as it is, its status and an unchanged one are not', async () => {
  await served();
  await harness.serveRollouts();
  const { selector, template } = unsafe().spec;
  const rollout = (strategy: object, replicas = 2) => ({
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Rollout',
    metadata: { name: 'web', namespace },
    spec: { replicas, selector, template, strategy },
  });
  const canary = rollout({ canary: { maxSurge: 0, maxUnavailable: '100%' } });
  const first = await harness.api.apply([canary]);
  expect(codesIn(first)).toEqual(['GR101']);
  expect(warningsIn(first.stderr)[0]).toContain(`${namespace}/web: container app`);
  const before = await asked();
  const kubectl = (...args: string[]) => harness.api.kubectl([...args, '-n', namespace]);
  const status = JSON.stringify({ status: { phase: 'Progressing' } });
  const results = [
    await harness.api.apply([canary]),
    await kubectl('patch', 'rollout.argoproj.io/web', '--subresource=status', '--type=merge', `--patch=${status}`),
  ];
  expect(results.map(({ stderr }) => stderr)).toEqual(['', '']);
  expect(await asked()).toBe(before);
  await label('warn=strict');
  const other = rollout({ canary: { maxSurge: 0, maxUnavailable: 2 } });
  await harness.untilDryRun([other], (stderr) => stderr.includes('GR501'));
  expect(codesIn(await harness.api.apply([other]))).toEqual(expect.arrayContaining(['GR101', 'GR302', 'GR501']));
  expect(codesIn(await harness.api.apply([rollout({ canary: {} })]))).not.toContain('GR302');
  await label('enforce=baseline');
  await harness.untilDryRun([canary], (stderr) => stderr.includes('refuses'));
  const input = JSON.stringify(canary);
  const denied = await harness.api.kubectl(['apply', '-f', '-'], { input, allowFailure: true });
  expect(denied.code).toBe(1);
  expect(denied.stderr).toContain(`GR101: ${namespace}/web`);
  expect((await harness.api.apply([rollout({ canary: {} }, 5)])).code).toBe(0);
});

test('scale, status and metadata do not even leave the API server', async () => {
  await served();
  await harness.api.apply([unsafe()]);
  await until('the Deployment controller has written its annotation', async () => {
    const { stdout } = await harness.api.kubectl(['get', 'deployment', 'web', '-n', namespace, '-o', 'json']);
    return stdout.includes('deployment.kubernetes.io/revision') ? true : undefined;
  });
  const before = await asked();
  const kubectl = (...args: string[]) => harness.api.kubectl([...args, '-n', namespace]);
  const patch = JSON.stringify({ status: { collisionCount: 1 } });
  const results = [
    await kubectl('scale', 'deployment/web', '--replicas=5'),
    await kubectl('patch', 'deployment/web', '--subresource=status', '--type=merge', `--patch=${patch}`),
    await kubectl('annotate', 'deployment/web', 'example/note=x'),
    await kubectl('label', 'deployment/web', 'team=shop'),
  ];
  expect(results.map(({ stderr }) => stderr)).toEqual(['', '', '', '']);
  expect(await asked()).toBe(before);
});

test('the worst come first, in eight lines at most; the last says how to see the rest', async () => {
  await served();
  await label('warn=strict');
  const container = (name: string) => ({
    name,
    image: 'registry.invalid/app:latest',
    ports: [{ name: `p-${name}`, containerPort: name.charCodeAt(0) }],
  });
  const ports = ['a', 'b', 'c', 'd', 'e'].map((name) => ({ name, port: name.charCodeAt(0), targetPort: `p-${name}` }));
  const service = { ...serviceObject(namespace), spec: { selector: { app: 'web' }, ports } };
  const many = deploymentObject(namespace, 'web', { containers: ['a', 'b', 'c', 'd', 'e'].map(container) });
  await harness.api.apply([service]);
  await harness.untilDryRun([many], (stderr) => warningsIn(stderr).length === 8);
  const lines = warningsIn((await harness.api.apply([many])).stderr);
  expect(lines).toHaveLength(8);
  expect(lines.slice(0, 5).map((line) => line.slice(0, 5))).toEqual(Array(5).fill('GR101'));
  const how = `"kubectl graceful lint -f FILE --level strict" or "kubectl graceful audit -n ${namespace} --level strict" show all`;
  expect(lines[7]).toMatch(new RegExp(`^${namespace}/web: \\d+ more findings; ${how}$`));
});

test('labels of the namespace: off, strict, a rule set, and a slip', async () => {
  await served();
  const dryRun = async () => codesIn(await harness.api.apply([unsafe()], ['--dry-run=server']));
  await label('warn=off');
  await harness.untilDryRun([unsafe()], (stderr) => stderr === '');
  await label('warn=strict', 'warn-version=v1');
  await harness.untilDryRun([unsafe()], (stderr) => stderr.includes('GR501'));
  expect(await dryRun()).toEqual(expect.arrayContaining(['GR101', 'GR302', 'GR501']));
  await label('warn=restricted', 'warn-version=v99');
  await harness.untilDryRun([unsafe()], (stderr) => stderr.includes('"restricted"'));
  const slip = await harness.api.apply([unsafe()], ['--dry-run=server']);
  expect(slip.stderr).toContain('says "restricted", known are off, baseline, strict: baseline is used');
  expect(slip.stderr).toContain('says "v99", known are latest, v1: latest is used');
  expect(slip.stderr).not.toContain('GR501');
});

test('enforce refuses with the words of the warnings, and never a change of scale', async () => {
  await served();
  const warned = warningsIn((await harness.api.apply([unsafe()])).stderr);
  await label('enforce=baseline', 'enforce-version=v1');
  const next = unsafe('web', {}, 'registry.invalid/app:3');
  await harness.untilDryRun([next], (stderr) => stderr.includes('refuses'));
  const input = JSON.stringify(next);
  const denied = await harness.api.kubectl(['apply', '-f', '-'], { input, allowFailure: true });
  expect(denied.code).toBe(1);
  expect(denied.stderr).toContain('Error from server (Forbidden)');
  expect(denied.stderr).toContain(`graceful-rollout.io/enforce=baseline of namespace ${namespace} refuses this:`);
  for (const line of warned) expect(denied.stderr).toContain(line);
  // One line for each reason: the refusal does not repeat as a warning.
  expect(warningsIn(denied.stderr)).toEqual([]);
  const scaled = { ...unsafe(), spec: { ...unsafe().spec, replicas: 7, paused: true } };
  expect((await harness.api.apply([scaled])).code).toBe(0);
  await label('enforce=off');
  await harness.untilDryRun([next], (stderr) => !stderr.includes('refuses'));
  expect((await harness.api.apply([next])).code).toBe(0);
});

test('waivers hold until their day, and then are a finding themselves', async () => {
  await served();
  const waive = (text: string) => unsafe('web', { 'graceful-rollout.io/waive': text });
  const codes = async (text: string) => codesIn(await harness.api.apply([waive(text)], ['--dry-run=server']));
  expect(await codes('GR101 starts in no time until=2099-12-31; GR302 a test until=2099-12-31')).toEqual([]);
  expect(await codes('GR101 starts in no time until=2020-12-31')).toEqual(['GR101', 'GR302', 'GR902']);
  expect(await codes('GR101')).toEqual(['GR101', 'GR302', 'GR901']);
});

test('audit puts the codes into the audit log and prints nothing', async () => {
  await served();
  await label('warn=off', 'audit=baseline');
  await harness.untilDryRun([unsafe()], (stderr) => stderr === '');
  expect((await harness.api.apply([unsafe()])).stderr).toBe('');
  expect(harness.auditAnnotationsOf(namespace, 'web')).toMatchObject({
    'workloads.warnings.graceful-rollout.io/findings': 'GR101[app] GR302',
  });
});

test('the plugin says the same of the cluster and of the manifest', async () => {
  await served();
  await harness.api.apply([unsafe()]);
  const audit = await harness.plugin(['audit', '-n', namespace, '-o', 'json', '--fail-on', 'error']);
  expect(audit.code, audit.stderr).toBe(1);
  const [audited] = (JSON.parse(audit.stdout) as { namespaces: { findings: { code: string }[] }[] }).namespaces;
  expect(audited?.findings.map(({ code }) => code)).toEqual(['GR101', 'GR302']);
  const manifest = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [serviceObject(namespace), unsafe()] });
  const lint = await harness.plugin(['lint', '-f', '-', '-o', 'json'], manifest);
  expect(lint.code, lint.stderr).toBe(1);
  const linted = (JSON.parse(lint.stdout) as { findings: { code: string }[] }).findings;
  expect(linted.map(({ code }) => code)).toEqual(['GR101', 'GR302']);
});

test('the status, an event and the metric tell who never sees a warning, each fact once', async () => {
  await served();
  await harness.api.apply([unsafe(), rolloutObject(namespace, { mode: 'Audit' })]);
  const findings = async (): Promise<readonly string[]> => {
    const { stdout } = await harness.api.kubectl(['get', 'gr', 'web', '-n', namespace, '-o', 'json']);
    const { status } = JSON.parse(stdout) as { status?: { findings?: { code: string }[] } };
    return (status?.findings ?? []).map(({ code }) => code);
  };
  // The contract's own finding says what GR101 says.
  const expected = ['GR302', 'ReadinessProbeMissing'];
  await until('the rule is in the status', async () => ((await findings()).includes('GR302') ? true : undefined));
  expect((await findings()).toSorted()).toEqual(expected);
  const events = await until('the event is there', async () => {
    const args = ['get', 'events', '-n', namespace, '-o', 'json'];
    const { items } = JSON.parse((await harness.api.kubectl(args)).stdout) as {
      items: { reason: string; message: string }[];
    };
    const told = items.filter(({ reason }) => reason === 'Finding').map(({ message }) => message);
    return told.length >= 2 ? told : undefined;
  });
  expect(events.map((message) => message.split(':')[0] ?? '').toSorted()).toEqual(expected);
  expect(await operator.metrics()).toContain(
    `graceful_rollout_findings{namespace="${namespace}",name="web",code="GR302",severity="warning"} 1`,
  );
  // What another object changes is seen without a write of the target.
  const budget = (name: string) => ({
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name, namespace },
    spec: { maxUnavailable: 1, selector: { matchLabels: { app: 'web' } } },
  });
  await harness.api.apply([budget('one'), budget('two')]);
  await until('two budgets are a finding', async () => ((await findings()).includes('GR403') ? true : undefined));
});

test('without the operator users notice nothing', async () => {
  await served();
  await operator.kill();
  const started = performance.now();
  expect(await harness.api.apply([unsafe()])).toMatchObject({ code: 0, stderr: '' });
  expect(performance.now() - started).toBeLessThan(5_000);
  operator = await harness.api.startOperator({ args: warningsFlags });
  const { stderr } = await harness.api.apply([unsafe('web', {}, 'registry.invalid/app:9')]);
  expect(codesIn({ code: 0, stdout: '', stderr })).toEqual(['GR101', 'GR302']);
});

test('the defaults of the cluster hold where a namespace says nothing, and only there', async () => {
  await served();
  await operator.kill();
  const defaults = ['--warn-default=off', '--audit-default=baseline'];
  operator = await harness.api.startOperator({ args: [...warningsFlags, ...defaults] });
  /** What the audit log has of the creation, tried or done, of the Deployment; nothing is printed of it. */
  const created = async (...flags: string[]): Promise<string | undefined> => {
    expect((await harness.api.apply([unsafe()], flags)).stderr).toBe('');
    return harness.auditAnnotationsOf(namespace, 'web')['workloads.warnings.graceful-rollout.io/findings'];
  };
  expect(await created('--dry-run=server')).toContain('GR101[app]');
  await label('audit=off');
  const isSilent = async () => ((await created('--dry-run=server')) === undefined ? true : undefined);
  await until('the label of the namespace holds', isSilent);
  await label('warn=baseline');
  await harness.untilDryRun([unsafe()], (stderr) => stderr.includes('GR101'));
  await operator.kill();
  operator = await harness.api.startOperator({ args: warningsFlags });
});

test('where something listens and says nothing, a write waits for the time-out and goes through without a word', async () => {
  await served();
  const { selector, template } = unsafe().spec;
  const metadata = { name: 'db', namespace };
  const stateful = {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata,
    spec: { serviceName: 'db', selector, template },
  };
  await operator.kill();
  const speakUp = await harness.listenMutely();
  const started = performance.now();
  expect(await harness.api.apply([stateful])).toMatchObject({ code: 0, stderr: '' });
  const tookMs = performance.now() - started;
  const timeoutMs = await harness.timeoutMs();
  expect(timeoutMs).toBe(1_000);
  expect(tookMs).toBeGreaterThanOrEqual(timeoutMs);
  expect(tookMs).toBeLessThan(timeoutMs + 4_000);
  // A Deployment waits for the other webhook as well.
  expect(await harness.api.apply([unsafe()])).toMatchObject({ code: 0, stderr: '' });
  await speakUp();
  operator = await harness.api.startOperator({ args: warningsFlags });
  const next = unsafe('web', {}, 'registry.invalid/app:9');
  await harness.untilDryRun([next], (stderr) => stderr.includes('GR101'));
  // Not GR302: behind the Service are the pods of the StatefulSet, too.
  expect(codesIn(await harness.api.apply([next]))).toEqual(['GR101']);
});
