import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { GracefulRollout } from '../../src/api/index.ts';
import type { Deployment } from '../../src/api/kubernetes.ts';
import { type ControlPlane, startControlPlane } from '../cluster/controlPlane.ts';
import { freePorts } from '../cluster/freePorts.ts';
import { until } from './harness.ts';
import { type KubectlResult, kubectl } from './kubectl.ts';
import { deploymentObject, namespaceObject, rolloutObject, serviceObject } from './objects.ts';

/*
 * `npm run dev`. A control plane of its own: its webhooks and its operator look at every namespace, those of other test
 * files included.
 */

const script = path.resolve(import.meta.dirname, '../dev.ts');
let controlPlane: ControlPlane;
const started: { child: ChildProcess; output: string }[] = [];

beforeAll(async () => {
  const version = process.env['KUBERNETES_VERSION'];
  controlPlane = await startControlPlane(version === undefined || version === '' ? {} : { version });
});

afterAll(async () => {
  for (const { child } of started) if (child.exitCode === null) killGroup(child, 'SIGKILL');
  await controlPlane?.stop();
});

const run = async (args: readonly string[], objects: readonly object[] = []): Promise<KubectlResult> => {
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
  const { kubeconfigPath: kubeconfig } = controlPlane;
  return kubectl({ kubectl: controlPlane.kubectl, kubeconfig }, args, objects.length === 0 ? '' : input);
};
const configurations = async (): Promise<readonly string[]> => {
  const kinds = 'mutatingwebhookconfigurations,validatingwebhookconfigurations';
  const { stdout } = await run(['get', kinds, '-o', 'name']);
  return stdout.split('\n').filter((line) => line !== '');
};
const read = async <T>(...object: string[]): Promise<T> => {
  const { code, stdout, stderr } = await run(['get', ...object, '-o', 'json']);
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as T;
};

/** In a process group of its own, as a terminal starts it; resolves when the operator is ready. */
async function startDev(): Promise<{ readonly child: ChildProcess; readonly output: () => string }> {
  const [webhook = 0, health = 0] = await freePorts(2);
  const ports = ['--webhook-port', String(webhook), '--health-port', String(health)];
  const child = spawn(process.execPath, [script, '--kubeconfig', controlPlane.kubeconfigPath, ...ports], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PATH: `${path.dirname(controlPlane.kubectl)}${path.delimiter}${process.env['PATH'] ?? ''}` },
  });
  const of = { child, output: '' };
  started.push(of);
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => (of.output += String(chunk)));
  await until(
    'the operator is ready',
    async () => {
      if (child.exitCode !== null) throw new Error(`npm run dev ended: ${of.output}`);
      const answer = await fetch(`http://127.0.0.1:${health}/readyz`).catch(() => undefined);
      return answer?.ok === true ? true : undefined;
    },
    60_000,
  ).catch((error: unknown) => {
    throw new Error(of.output, { cause: error });
  });
  return { child, output: () => of.output };
}

function killGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid !== undefined) process.kill(-pid, signal);
}

const allThree = [
  'mutatingwebhookconfiguration.admissionregistration.k8s.io/graceful-rollout-dev',
  'validatingwebhookconfiguration.admissionregistration.k8s.io/graceful-rollout-dev-gate',
  'validatingwebhookconfiguration.admissionregistration.k8s.io/graceful-rollout-dev-warnings',
];

test('completes a Deployment, reports, warns, and takes its webhook configurations away at Ctrl-C', async () => {
  const dev = await startDev();
  expect(await configurations()).toEqual(expect.arrayContaining(allThree));
  const none = { replicas: 0 };
  const objects = [rolloutObject('shop'), serviceObject('shop'), deploymentObject('shop', 'web', {}, none)];
  await run(['apply', '-f', '-'], [namespaceObject('shop')]);
  const applied = await run(['apply', '-f', '-'], objects);
  expect(applied.code, applied.stderr).toBe(0);
  const waited = await run(['wait', '--for=condition=Ready', 'gr/web', '-n', 'shop', '--timeout=30s']);
  expect(waited.code, `${waited.stderr}${dev.output()}`).toBe(0);
  const { spec } = await read<Deployment>('deployment', 'web', '-n', 'shop');
  expect(spec.template.spec.terminationGracePeriodSeconds).toBe(35);
  expect((await read<GracefulRollout>('gr', 'web', '-n', 'shop')).status?.phase).toBe('Enforced');
  // The warnings are answered from here too.
  const container = {
    name: 'app',
    image: 'registry.invalid/app:1',
    lifecycle: { preStop: { exec: { command: ['sleep', '60'] } } },
  };
  const dry = ['apply', '--dry-run=server', '-f', '-'];
  const { stderr } = await run(dry, [deploymentObject('shop', 'late', { containers: [container] })]);
  expect(stderr).toContain('Warning: ');

  // A terminal sends it to the whole group: npm, kubectl and the operator get it as well.
  killGroup(dev.child, 'SIGINT');
  await once(dev.child, 'close');
  expect(await configurations(), dev.output()).toEqual([]);
  expect(dev.output()).not.toMatch(/^\s+at /m);
});

test('started again over what the first left, it ends as tidily when it is terminated', async () => {
  const dev = await startDev();
  expect(await configurations()).toEqual(expect.arrayContaining(allThree));
  dev.child.kill('SIGTERM');
  await once(dev.child, 'close');
  expect(await configurations(), dev.output()).toEqual([]);
});
