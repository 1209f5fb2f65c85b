import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { createClient } from './apiClient.ts';
import type { Client } from './client.ts';
import { loadKubeConfig } from './connection.ts';
import { type ConfigMap, configMaps, leases, namespaces } from './resources.ts';

const program = fileURLToPath(new URL('./leaderElectionCandidate.ts', import.meta.url));
const end = new AbortController();
const { signal } = end;
let client: Client;
let namespace = '';
let children: ChildProcess[] = [];
/** Who wrote the diary, write by write, as the API server's watch tells it. */
let writers: string[] = [];
let watching = new AbortController();

beforeAll(async () => {
  client = createClient({
    connection: await loadKubeConfig({ path: inject('kubeconfig') }, signal),
    userAgent: 'leader-election-test',
    fieldManager: 'test',
  });
});

beforeEach(async () => {
  namespace = `election-${Math.random().toString(36).slice(2, 8)}`;
  writers = [];
  children = [];
  await client.create(namespaces, { metadata: { name: namespace } }, { signal });
  const diary: ConfigMap = { metadata: { namespace, name: 'diary' }, data: {} };
  const created = await client.create(configMaps, diary, { signal });
  watching = new AbortController();
  void keepDiary(created.metadata.resourceVersion ?? '');
});

afterEach(async () => {
  watching.abort();
  for (const child of children) child.kill('SIGKILL');
  await client.delete(namespaces, { name: namespace }, { signal });
});

afterAll(async () => {
  end.abort();
  await client.close();
});

async function keepDiary(resourceVersion: string): Promise<void> {
  try {
    const changes = await client.watch(configMaps, { namespace, resourceVersion, signal: watching.signal });
    for await (const change of changes) {
      if (change.type === 'MODIFIED') writers.push(change.object.data?.['writer'] ?? '');
    }
  } catch (err) {
    if (!watching.signal.aborted) throw err;
  }
}

/** Starts a candidate; its log lines are kept. */
function candidate(identity: string): { readonly child: ChildProcess; readonly lines: string[] } {
  const child = spawn(process.execPath, [program, inject('kubeconfig'), namespace, identity], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  child.stdout.on('data', (chunk: Buffer) => lines.push(chunk.toString()));
  children.push(child);
  return { child, lines };
}

async function untilWrites(identity: string): Promise<void> {
  await expect.poll(() => writers.at(-1), { timeout: 30_000, interval: 50 }).toBe(identity);
}

/** `aaabbb` → `ab`: who wrote after whom. */
function turns(): string {
  return writers.filter((writer, index) => writer !== writers[index - 1]).join('');
}

/** Lets a stopped leader go on: it must end, and the diary must stay the other's. */
async function expectEndOfStalled({ child }: { readonly child: ChildProcess }): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGCONT');
  expect(await exited).toEqual([1, null]);
  const writesThen = writers.length;
  await expect.poll(() => writers.length, { timeout: 30_000 }).toBeGreaterThan(writesThen + 20);
  expect(turns()).toBe('ab');
}

describe('leader election on a real API server', () => {
  test('when the leader is killed, the other follows after the lease duration', async () => {
    const a = candidate('a');
    await untilWrites('a');
    const b = candidate('b');
    await expect.poll(() => b.lines.join(''), { timeout: 30_000 }).toContain('another process leads');
    a.child.kill('SIGKILL');
    const last = await client.get(leases, { namespace, name: 'leader' }, { signal });
    expect(last.spec?.holderIdentity).toBe('a');
    await untilWrites('b');
    expect(turns()).toBe('ab');
    const lease = await client.get(leases, { namespace, name: 'leader' }, { signal });
    expect(lease.spec).toMatchObject({ holderIdentity: 'b', leaseDurationSeconds: 4, leaseTransitions: 1 });
    const waitedMs = Date.parse(lease.spec?.acquireTime ?? '') - Date.parse(last.spec?.renewTime ?? '');
    expect(waitedMs).toBeGreaterThanOrEqual(4_000);
  });

  test('a leader that stood still just before a write refuses that write when it goes on, and ends', async () => {
    const a = candidate('a');
    await untilWrites('a');
    candidate('b');
    a.child.kill('SIGUSR2');
    await untilWrites('b');
    await expectEndOfStalled(a);
    expect(a.lines.join('')).toContain('LeadershipLostError');
  });

  test('a leader that is stopped anywhere, also in mid-write, changes nothing once another leads', async () => {
    const a = candidate('a');
    await untilWrites('a');
    candidate('b');
    a.child.kill('SIGSTOP');
    await untilWrites('b');
    await expectEndOfStalled(a);
  });

  test('a leader that is told to stop gives the lease back, and the other need not wait', async () => {
    const a = candidate('a');
    await untilWrites('a');
    const b = candidate('b');
    await expect.poll(() => b.lines.join(''), { timeout: 30_000 }).toContain('another process leads');
    const exited = once(a.child, 'exit');
    a.child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    const lease = await client.get(leases, { namespace, name: 'leader' }, { signal });
    expect(['', undefined, 'b']).toContain(lease.spec?.holderIdentity);
    await untilWrites('b');
    expect(turns()).toBe('ab');
  });
});
