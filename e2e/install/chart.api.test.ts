import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import type { CommandOptions, CommandResult } from '../cluster/cluster.ts';
import { runCommand } from '../cluster/command.ts';
import { type ControlPlane, startControlPlane } from '../cluster/controlPlane.ts';
import { helmProgram } from '../cluster/goTools.ts';
import { chartFolder, operatorNamespace } from './chart.ts';

/**
 * Needs helm (built with Go at first use) and a real API server; no nodes, so nothing here becomes Ready. The API server
 * is this file's own: the chart's CRD belongs to one release in a cluster, and other files install it their own way.
 */
const helmVersions = [3, 4] as const;
type HelmVersion = (typeof helmVersions)[number];
const programs = new Map<HelmVersion, string>();
/** What the chart renders to; written anew by `npx vitest run --project api e2e/install -u`. */
const golden = join(chartFolder, 'golden');
let controlPlane: ControlPlane | undefined;

beforeAll(async () => {
  for (const version of helmVersions) programs.set(version, await helmProgram(version));
  const version = process.env['KUBERNETES_VERSION'];
  controlPlane = await startControlPlane(version === undefined || version === '' ? {} : { version });
}, 900_000);

afterAll(() => controlPlane?.stop());

describe('templates', () => {
  it('pass helm lint without a warning', async () => {
    const { stdout } = await helm(3, ['lint', '--strict', chartFolder], { check: true });
    expect(stdout).toContain('0 chart(s) failed');
    expect(stdout).not.toMatch(/\[(WARNING|ERROR)\]/);
  });

  it('render to the committed file with default values', async () => {
    // The CRD has a golden file of its own: crds/.
    await expect(await template(['--set', 'crds.install=false'])).toMatchFileSnapshot(join(golden, 'default.yaml'));
  });

  it('render to the committed file with every option on', async () => {
    const everything = join(golden, 'everything.values.yaml');
    await expect(await template(['--set', 'crds.install=false', '--values', everything])).toMatchFileSnapshot(
      join(golden, 'everything.yaml'),
    );
  });

  it('hold the generated CRD, unchanged but for labels and the keep annotation', async () => {
    const crdFile = 'graceful-rollout.io_gracefulrollouts.yaml';
    const [committed] = documents(readFileSync(join(chartFolder, '../../crds', crdFile), 'utf8'));
    const [kept] = documents(await template(['--show-only', 'templates/crds.yaml']));
    const [unkept] = documents(await template(['--show-only', 'templates/crds.yaml', '--set', 'crds.keep=false']));
    expect(kept?.['spec']).toEqual(committed?.['spec']);
    expect(kept?.['metadata']).toMatchObject({ annotations: { 'helm.sh/resource-policy': 'keep' } });
    expect(unkept?.['spec']).toEqual(committed?.['spec']);
    expect(unkept?.['metadata']).not.toHaveProperty('annotations');
  });

  it('are taken by the API server with strict field validation', async () => {
    const namespace = await freshNamespace('strict');
    const everything = join(golden, 'everything.values.yaml');
    const rendered = await template(['--values', everything, '--set', 'metrics.podMonitor.enabled=false'], namespace);
    const args = ['create', '--dry-run=server', '--validate=strict', '--output=name', '--filename=-'];
    const created = await kubectl(args, { input: rendered, check: true });
    expect(created.stderr).toBe('');
    expect(created.stdout.trim().split('\n')).toHaveLength(documents(rendered).length);
  });
});

describe.each(helmVersions)('the version of Kubernetes, for Helm %i', (version) => {
  const render = (kubernetes: string) => helm(version, ['template', 'x', chartFolder, `--kube-version=${kubernetes}`]);

  it('1.32.0 is refused, with what the chart needs', async () => {
    const { code, stderr, stdout } = await render('1.32.0');
    expect([code === 0, stdout]).toEqual([false, '']);
    expect(stderr).toMatch(/requires kubeVersion: >=1\.33\.0-0 which is incompatible with Kubernetes v1\.32\.0/);
  });

  // The last as the clouds name theirs: a pre-release to Helm.
  it.each(['1.33.0', '1.33.0-gke.1'])('%s is taken', async (kubernetes) => {
    const { code, stderr, stdout } = await render(kubernetes);
    expect([code, stderr]).toEqual([0, '']);
    expect(documents(stdout).map(({ kind }) => kind)).toContain('Deployment');
  });
});

describe('values', () => {
  it.each([
    ['replicas=0', /'\/replicas': minimum: got 0, want 1/],
    ['replicas=two', /'\/replicas': got string, want integer/],
    ['replica=3', /additional properties 'replica' not allowed/],
    ['image.pullPolicy=never', /'\/image\/pullPolicy': value must be one of 'Always', 'IfNotPresent', 'Never'/],
    ['image.tag=a:b', /'\/image\/tag': 'a:b' does not match pattern/],
    ['image.digest=abc', /'\/image\/digest': 'abc' does not match pattern/],
    ['image.repository=', /'\/image\/repository': minLength: got 0, want 1/],
    ['logLevel=trace', /'\/logLevel': value must be one of 'debug', 'info', 'warn', 'error'/],
    ['webhook.timeoutSeconds=30', /'\/webhook\/timeoutSeconds': maximum: got 30, want 10/],
    ['gate.timeoutSeconds=30', /'\/gate\/timeoutSeconds': maximum: got 30, want 10/],
    ['gate.barrier.maxNodes=-1', /'\/gate\/barrier\/maxNodes': minimum: got -1, want 0/],
    ['gate.excludedNamespaces={Shop}', /'\/gate\/excludedNamespaces\/0': 'Shop' does not match pattern/],
    ['warnings.timeoutSeconds=0', /'\/warnings\/timeoutSeconds': minimum: got 0, want 1/],
    ['warnings.defaults.warn=restricted', /'\/warnings\/defaults\/warn': 'restricted' does not match pattern/],
    ['warnings.defaults.audit=true', /'\/warnings\/defaults\/audit': value must be false/],
    ['warnings.defaults.audit=baseline:v9', /'\/warnings\/defaults\/audit': 'baseline:v9' does not match pattern/],
    ['warnings.defaults.enforce=baseline', /additional properties 'enforce' not allowed/],
    ['webhook.failurePolicy=Fail', /additional properties 'failurePolicy' not allowed/],
    ['crds.enabled=false', /additional properties 'enabled' not allowed/],
    ['resources.limit.memory=1Gi', /additional properties 'limit' not allowed/],
    ['preStopSleepSeconds=40', /45 is too short: preStopSleepSeconds 40 \+ 25 s .* need at least 65/],
    ['serviceAccount.create=false', /serviceAccount.name is empty: name the ServiceAccount/],
    ['fullnameOverride=Shop', /'\/fullnameOverride': 'Shop' does not match pattern/],
  ])('%s is refused with its field and what is wrong', async (setting, message) => {
    const { code, stderr } = await helm(3, ['template', 'x', chartFolder, ...forCurrent, '--set', setting]);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(message);
  });
});

describe.each(helmVersions)('a release by Helm %i', (version) => {
  const release = `gr-helm${version}`;
  let namespace = '';
  const names = {
    configuration: `${release}-graceful-rollout`,
    gate: `${release}-graceful-rollout-gate`,
    warnings: `${release}-graceful-rollout-warnings`,
    barrier: `${release}-graceful-rollout-barrier`,
    secret: `${release}-graceful-rollout-webhook-tls`,
  };
  const upgrade = (...settings: string[]) =>
    helm(version, ['upgrade', '--install', release, chartFolder, `--namespace=${namespace}`, ...settings], {
      check: true,
    });

  beforeAll(async () => {
    namespace = await freshNamespace(release);
  });

  it('is upgraded without losing what the operator wrote, and back', async () => {
    await upgrade();
    // What the operator does once it runs.
    const caBundle = Buffer.from('-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n').toString('base64');
    const publish = JSON.stringify([{ op: 'add', path: '/webhooks/0/clientConfig/caBundle', value: caBundle }]);
    await kubectl(['patch', 'mutatingwebhookconfiguration', names.configuration, '--type=json', `--patch=${publish}`], {
      check: true,
    });
    const namespaceSelector = {
      matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In', values: ['shop'] }],
    };
    const gated = gateRules.flatMap((_, index) => [
      { op: 'add', path: `/webhooks/${index}/clientConfig/caBundle`, value: caBundle },
      { op: 'replace', path: `/webhooks/${index}/namespaceSelector`, value: namespaceSelector },
    ]);
    await kubectl(
      ['patch', 'validatingwebhookconfiguration', names.gate, '--type=json', `--patch=${JSON.stringify(gated)}`],
      { check: true },
    );
    const judged = JSON.stringify([{ op: 'add', path: '/webhooks/0/clientConfig/caBundle', value: caBundle }]);
    await kubectl(['patch', 'validatingwebhookconfiguration', names.warnings, '--type=json', `--patch=${judged}`], {
      check: true,
    });
    const data = { 'tls.crt': 'Y2VydA==', 'tls.key': 'a2V5', 'gate-key': 'AAEC' };
    await kubectl(
      ['patch', 'secret', names.secret, `--namespace=${namespace}`, `--patch=${JSON.stringify({ data })}`],
      {
        check: true,
      },
    );

    const keeps = async (timeoutSeconds: number): Promise<void> => {
      const configuration = await read(`mutatingwebhookconfiguration/${names.configuration}`);
      expect(configuration['webhooks']).toMatchObject([{ timeoutSeconds, clientConfig: { caBundle } }]);
      expect(configuration['webhooks']).toHaveLength(1);
      const gate = await read(`validatingwebhookconfiguration/${names.gate}`);
      const kept = { namespaceSelector, clientConfig: { caBundle } };
      expect(gate['webhooks']).toMatchObject([
        { ...kept, timeoutSeconds },
        { ...kept, timeoutSeconds: 30 },
        { ...kept, timeoutSeconds },
      ]);
      const warnings = await read(`validatingwebhookconfiguration/${names.warnings}`);
      expect(warnings['webhooks']).toMatchObject([{ timeoutSeconds: 1, clientConfig: { caBundle } }]);
      expect((await read(`secret/${names.secret}`, `--namespace=${namespace}`))['data']).toEqual(data);
    };
    await upgrade();
    await keeps(2);
    await upgrade('--set', 'webhook.timeoutSeconds=3,gate.timeoutSeconds=3,commonLabels.team=shop');
    await keeps(3);
    await helm(version, ['rollback', release, '1', `--namespace=${namespace}`], { check: true });
    await keeps(2);
  });

  it('brings the CRD back to its own with an upgrade', async () => {
    const crd = 'customresourcedefinition/gracefulrollouts.graceful-rollout.io';
    const older = JSON.stringify([{ op: 'remove', path: '/spec/names/shortNames' }]);
    await kubectl(['patch', crd, '--type=json', `--patch=${older}`], { check: true });
    await upgrade('--set', 'logLevel=debug');
    expect((await read(crd))['spec']).toMatchObject({ names: { shortNames: ['gr'] } });
  });

  it('lets its ServiceAccount do what the operator does, and no more', async () => {
    const user = `--as=system:serviceaccount:${namespace}:${names.configuration}`;
    const may = async (...question: string[]): Promise<boolean> =>
      (await kubectl(['auth', 'can-i', '--quiet', user, ...question])).code === 0;
    const own = `--namespace=${namespace}`;
    expect(await may('patch', 'deployments.apps', '--namespace=default')).toBe(true);
    expect(
      await may('patch', 'gracefulrollouts.graceful-rollout.io', '--subresource=status', '--namespace=default'),
    ).toBe(true);
    expect(await may('update', `secret/${names.secret}`, own)).toBe(true);
    expect(await may('update', `lease.coordination.k8s.io/${names.configuration}`, own)).toBe(true);
    expect(await may('create', 'leases.coordination.k8s.io', own)).toBe(true);
    expect(await may('patch', `mutatingwebhookconfiguration/${names.configuration}`)).toBe(true);
    expect(await may('patch', `validatingwebhookconfiguration/${names.gate}`)).toBe(true);
    expect(await may('patch', `validatingwebhookconfiguration/${names.warnings}`)).toBe(true);
    expect(await may('list', 'horizontalpodautoscalers.autoscaling', '--namespace=default')).toBe(true);
    expect(await may('list', 'namespaces')).toBe(true);
    expect(await may('delete', 'pods', '--namespace=default')).toBe(true);
    expect(await may('create', 'pods', '--subresource=eviction', '--namespace=default')).toBe(true);
    expect(await may('update', 'replicasets.apps', '--subresource=finalizers', '--namespace=default')).toBe(true);
    expect(await may('update', 'endpointslices.discovery.k8s.io', own)).toBe(true);
    expect(await may('patch', `service/${names.barrier}`, '--subresource=status', own)).toBe(true);

    expect(await may('update', 'deployments.apps', '--namespace=default')).toBe(false);
    expect(await may('delete', 'deployments.apps', '--namespace=default')).toBe(false);
    expect(await may('patch', 'gracefulrollouts.graceful-rollout.io', '--namespace=default')).toBe(false);
    expect(await may('get', 'secrets', own)).toBe(false);
    expect(await may('get', 'secret/another', own)).toBe(false);
    expect(await may('get', `secret/${names.secret}`, '--namespace=default')).toBe(false);
    expect(await may('create', 'leases.coordination.k8s.io', '--namespace=default')).toBe(false);
    expect(await may('patch', 'mutatingwebhookconfiguration/another')).toBe(false);
    expect(await may('patch', 'validatingwebhookconfiguration/another')).toBe(false);
    expect(await may('create', 'pods', '--namespace=default')).toBe(false);
    expect(await may('deletecollection', 'pods', '--namespace=default')).toBe(false);
    expect(await may('update', 'replicasets.apps', '--namespace=default')).toBe(false);
    expect(await may('update', 'endpointslices.discovery.k8s.io', '--namespace=default')).toBe(false);
    expect(await may('patch', 'service/another', '--subresource=status', own)).toBe(false);
    expect(await may('patch', 'nodes')).toBe(false);
    expect(await may('patch', 'namespaces')).toBe(false);
    expect(await may('patch', 'persistentvolumeclaims', '--namespace=default')).toBe(false);
  });

  it('without the warnings has no rights for them, and keeps the gate', async () => {
    await upgrade('--set', 'warnings.enabled=false');
    const user = `--as=system:serviceaccount:${namespace}:${names.configuration}`;
    const may = async (...question: string[]): Promise<boolean> =>
      (await kubectl(['auth', 'can-i', '--quiet', user, ...question])).code === 0;
    expect(await may('list', 'namespaces')).toBe(false);
    expect(await may('list', 'horizontalpodautoscalers.autoscaling', '--namespace=default')).toBe(false);
    expect(await may('list', 'poddisruptionbudgets.policy', '--namespace=default')).toBe(true);
    const gone = await kubectl(['get', 'validatingwebhookconfiguration', names.warnings, '--output=name']);
    expect(gone.stderr).toContain('NotFound');
    await upgrade();
  });

  it('without the gate has no rights on pods', async () => {
    await upgrade('--set', 'gate.enabled=false');
    const user = `--as=system:serviceaccount:${namespace}:${names.configuration}`;
    const may = async (...question: string[]): Promise<boolean> =>
      (await kubectl(['auth', 'can-i', '--quiet', user, ...question])).code === 0;
    expect(await may('patch', 'deployments.apps', '--namespace=default')).toBe(true);
    expect(await may('get', 'pods', '--namespace=default')).toBe(false);
    expect(await may('delete', 'pods', '--namespace=default')).toBe(false);
    const gone = await kubectl(['get', 'validatingwebhookconfiguration', names.gate, '--output=name']);
    expect(gone.stderr).toContain('NotFound');
    await upgrade();
  });

  it('is uninstalled without a trace but the CRD, which the same release takes over again', async () => {
    await helm(version, ['uninstall', release, `--namespace=${namespace}`], { check: true });
    const kinds =
      'deployments,services,secrets,serviceaccounts,roles,rolebindings,poddisruptionbudgets,clusterroles,clusterrolebindings,mutatingwebhookconfigurations,validatingwebhookconfigurations,customresourcedefinitions';
    const selector = `--selector=app.kubernetes.io/instance=${release}`;
    const left = await kubectl(['get', kinds, '--all-namespaces', selector, '--output=name'], { check: true });
    expect(left.stdout.trim()).toBe(
      'customresourcedefinition.apiextensions.k8s.io/gracefulrollouts.graceful-rollout.io',
    );
    await upgrade('--set', 'crds.keep=false');
    await helm(version, ['uninstall', release, `--namespace=${namespace}`, '--wait'], { check: true });
    const after = await kubectl(['get', kinds, '--all-namespaces', selector, '--output=name'], { check: true });
    expect(after.stdout.trim()).toBe('');
  });
});

/** The entries of the gate's configuration, in their order. */
const gateRules = ['replicasets', 'people', 'evictions'];

// `helm template` does not ask an API server for its version.
const forCurrent = ['--kube-version=1.37.0'];

async function template(args: readonly string[], namespace = 'graceful-rollout-system'): Promise<string> {
  const release = ['template', 'graceful-rollout', chartFolder, `--namespace=${namespace}`];
  return (await helm(3, [...release, ...forCurrent, ...args], { check: true })).stdout;
}

function helm(version: HelmVersion, args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  return runCommand([programs.get(version) ?? 'helm', ...args], withKubeconfig(options));
}

function kubectl(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  return runCommand([controlPlane?.kubectl ?? 'kubectl', ...args], withKubeconfig(options));
}

function withKubeconfig(options: CommandOptions): CommandOptions {
  return { ...options, env: { ...options.env, KUBECONFIG: controlPlane?.kubeconfigPath ?? '/nonexistent' } };
}

async function read(...object: readonly string[]): Promise<Record<string, unknown>> {
  const { stdout } = await kubectl(['get', ...object, '--output=json'], { check: true });
  return JSON.parse(stdout) as Record<string, unknown>;
}

function documents(text: string): Record<string, unknown>[] {
  return parseAllDocuments(text)
    .map((document) => document.toJS() as Record<string, unknown> | null)
    .filter((document) => document !== null);
}

async function freshNamespace(name: string): Promise<string> {
  await kubectl(['create', '--filename=-'], { input: JSON.stringify(operatorNamespace(name)), check: true });
  return name;
}
