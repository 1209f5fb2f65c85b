import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, inject, test } from 'vitest';
import { runCommand } from './command.ts';
import { startControlPlane } from './controlPlane.ts';

test('the global set-up provides an administrator of a real API server', async () => {
  const kubectl = (...args: string[]) =>
    runCommand([inject('kubectl'), '--kubeconfig', inject('kubeconfig'), ...args], { check: true });
  await kubectl('create', 'namespace', 'set-up');
  const { stdout } = await kubectl('auth', 'can-i', '*', '*', '--all-namespaces');
  expect(stdout.trim()).toBe('yes');
  const version = JSON.parse((await kubectl('version', '-o', 'json')).stdout) as Record<string, { gitVersion: string }>;
  expect(version['serverVersion']?.gitVersion).toMatch(/^v1\.\d+\.\d+$/);
  expect(version['clientVersion']?.gitVersion).toBe(version['serverVersion']?.gitVersion);
});

test('a control plane of its own makes ReplicaSets, survives a killed API server and leaves nothing', async () => {
  const own = await startControlPlane({ withControllerManager: true });
  const kubectl = async (...args: string[]): Promise<string> =>
    (await runCommand([own.kubectl, '--kubeconfig', own.kubeconfigPath, ...args], { check: true })).stdout;
  try {
    await kubectl('create', 'deployment', 'web', '--image=web');
    await expect.poll(() => kubectl('get', 'replicasets', '-o', 'name'), { timeout: 30_000 }).toContain('web-');
    await own.killApiServer();
    const refused = await runCommand([own.kubectl, '--kubeconfig', own.kubeconfigPath, 'get', 'namespaces']);
    expect(refused.code).not.toBe(0);
    await own.startApiServer();
    expect(await kubectl('get', 'deployments', '-o', 'name')).toBe('deployment.apps/web\n');
    expect(processesNaming(own.folder)).toHaveLength(3);
  } finally {
    await own.stop();
  }
  await own.stop();
  await sleep(100);
  expect(processesNaming(own.folder)).toEqual([]);
  expect(existsSync(own.folder)).toBe(false);
});

/** Processes whose command line names the folder. */
function processesNaming(folder: string): string[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => commandLine(pid).includes(folder));
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    // Ended in between.
    return '';
  }
}
