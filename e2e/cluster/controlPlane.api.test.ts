import { expect, inject, test } from 'vitest';
import { runCommand } from './command.ts';

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
