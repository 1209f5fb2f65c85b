import { expect, test } from 'vitest';
import { type Claim, claimOf } from '../../api/claim.ts';
import { API_VERSION, type GracefulRolloutSpecInput, KIND } from '../../api/index.ts';
import type { KubeObject, LabelSelector } from '../../api/kubernetes.ts';
import { ApiError, type ChangeHandler, type Client, type WebhookConfiguration } from '../../kube/index.ts';
import { ManualClock, silentLogger } from '../../runtime/index.ts';
import { gatedNamespaces, gateScope, scopePatch } from './scope.ts';

type Spec = Omit<GracefulRolloutSpecInput, 'targetRef'> & { readonly target?: string };

function claim(
  namespace: string,
  { target = 'web', ...spec }: Spec = {},
  metadata: KubeObject['metadata'] = {},
): Claim {
  return claimOf({
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: { namespace, name: 'gr', creationTimestamp: '2026-11-22T12:00:00Z', ...metadata },
    spec: { targetRef: { name: target }, ...spec },
  });
}

const observe: Spec = { endpointCheck: { mode: 'Observe' } };
const younger = { name: 'younger', creationTimestamp: '2026-11-22T12:00:01Z' };

test.each<[string, readonly Claim[], readonly string[]]>([
  ['none', [], []],
  [
    'a namespace with one, once however many there are',
    [claim('b'), claim('a'), claim('a', { target: 'db' })],
    ['a', 'b'],
  ],
  ['not for Observe or Off', [claim('a', observe), claim('b', { endpointCheck: { mode: 'Off' } })], []],
  ['not for Audit, which changes nothing', [claim('a', { mode: 'Audit' })], []],
  ['one that gates beside one that does not', [claim('a', observe), claim('a', { target: 'db' })], ['a']],
  ['the older of two on one target decides', [claim('a', {}, younger), claim('a', observe)], []],
  [
    'one that is being deleted does not count',
    [claim('a', {}, { deletionTimestamp: 'x' }), claim('a', observe, younger)],
    [],
  ],
  ['one that cannot be read does not count', [{ ...claimOf({ metadata: { namespace: 'a' } }), targetName: 'web' }], []],
  ['never an excluded one', [claim('kube-system'), claim('a')], ['a']],
])('the gated namespaces: %s', (_, claims, expected) => {
  expect(gatedNamespaces(claims, ['kube-system'])).toEqual(expected);
});

const only = (...values: string[]): LabelSelector => ({
  matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In', values }],
});

function configuration(...selectors: (LabelSelector | undefined)[]): WebhookConfiguration {
  return {
    metadata: { name: 'gate', resourceVersion: '7' },
    webhooks: selectors.map((namespaceSelector, index) => ({
      name: `w${index}`,
      clientConfig: { caBundle: 'Y2E=' },
      ...(namespaceSelector === undefined ? {} : { namespaceSelector }),
    })),
  };
}

test('the patch names the entries that differ, and nothing of them but the selector', () => {
  const extra = { ...only('a'), matchLabels: { team: 'x' } };
  expect(scopePatch(configuration(only('a'), undefined, {}, extra, only('a', 'b')), ['a'])).toEqual({
    metadata: { resourceVersion: '7' },
    webhooks: ['w1', 'w2', 'w3', 'w4'].map((name) => ({
      name,
      namespaceSelector: { ...only('a'), matchLabels: null },
    })),
  });
  expect(scopePatch(configuration(only('a', 'b'), only('a', 'b')), ['a', 'b'])).toBeUndefined();
  expect(scopePatch(configuration(only('graceful-rollout.io-none')), [])).toBeUndefined();
  expect(scopePatch(configuration(only('a')), [])).toMatchObject({
    webhooks: [{ namespaceSelector: only('graceful-rollout.io-none') }],
  });
});

function start(claims: Claim[], options: { readonly missing?: boolean } = {}) {
  const clock = new ManualClock();
  const handlers = new Set<ChangeHandler<Claim>>();
  const stop = new AbortController();
  const cluster = {
    configuration: options.missing ? undefined : configuration(undefined, undefined, undefined),
    /** Namespaces of each write, and when. */
    writes: [] as { readonly atMs: number; readonly namespaces: readonly string[]; readonly manager: unknown }[],
    failures: [] as Error[],
    namespaces: () =>
      new Set(cluster.configuration?.webhooks?.map((one) => JSON.stringify(one.namespaceSelector?.matchExpressions))),
    set(next: readonly Claim[]) {
      claims.splice(0, claims.length, ...next);
      for (const handler of handlers) handler('key', {});
    },
  };
  const scope = gateScope({
    client: {
      async find<T extends KubeObject>() {
        return structuredClone(cluster.configuration) as T | undefined;
      },
      async patch<T extends KubeObject>(_: unknown, __: unknown, patch: { body: unknown }, given: object) {
        const failure = cluster.failures.shift();
        if (failure !== undefined) throw failure;
        const { webhooks } = patch.body as { webhooks: { name: string; namespaceSelector: LabelSelector }[] };
        const before = cluster.configuration;
        if (before === undefined) throw new Error('patched what is not there');
        const selectors = new Map(
          webhooks.map(({ name, namespaceSelector: { matchExpressions = [] } }) => [name, { matchExpressions }]),
        );
        cluster.configuration = {
          ...before,
          webhooks: (before.webhooks ?? []).map((one) => {
            const namespaceSelector = selectors.get(one.name);
            return namespaceSelector === undefined ? one : { ...one, namespaceSelector };
          }),
        };
        const [{ namespaceSelector }] = webhooks as [(typeof webhooks)[0]];
        cluster.writes.push({
          atMs: clock.monotonicMs(),
          namespaces: namespaceSelector.matchExpressions?.[0]?.values ?? [],
          manager: (given as { fieldManager?: string }).fieldManager,
        });
        return cluster.configuration as KubeObject as T;
      },
    } satisfies Pick<Client, 'find' | 'patch'>,
    configuration: 'gate',
    claims: {
      store: { list: () => claims } as never,
      onChange(handler) {
        handlers.add(handler);
        return () => handlers.delete(handler);
      },
    },
    excludedNamespaces: ['kube-system'],
    clock,
    log: silentLogger,
  });
  let running = Promise.resolve();
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 50) await clock.advance(Math.min(50, left));
  };
  return {
    clock,
    cluster,
    scope,
    pass,
    run: () => {
      running = scope.run(stop.signal);
    },
    end: async () => {
      stop.abort();
      await running;
      expect(clock.pendingTimers).toBe(0);
      expect(handlers.size).toBe(0);
    },
  };
}

const never = new AbortController().signal;

test('all entries get the namespaces; claims that come together are one write; nothing changed is no write', async () => {
  const { cluster, pass, run, end } = start([claim('a')]);
  run();
  await pass(100);
  expect(cluster.writes).toEqual([{ atMs: 0, namespaces: ['a'], manager: 'graceful-rollout-gate' }]);
  expect(cluster.namespaces().size).toBe(1);
  cluster.set([claim('a'), claim('b')]);
  await pass(100);
  cluster.set([claim('a'), claim('b'), claim('c')]);
  cluster.set([claim('a'), claim('b'), claim('c'), claim('c', observe, younger)]);
  await pass(5_000);
  expect(cluster.writes.map(({ namespaces }) => namespaces)).toEqual([['a'], ['a', 'b', 'c']]);
  cluster.set([]);
  await pass(5_000);
  expect(cluster.writes.at(-1)?.namespaces).toEqual(['graceful-rollout.io-none']);
  await pass(300_000);
  expect(cluster.writes).toHaveLength(3);
  await end();
});

test('what somebody else wrote is mended within a minute', async () => {
  const { cluster, pass, run, end } = start([claim('a')]);
  run();
  await pass(1_000);
  cluster.configuration = configuration(undefined, only('a'), only('b'));
  await pass(60_000);
  expect(cluster.namespaces()).toEqual(new Set([JSON.stringify(only('a').matchExpressions)]));
  await end();
});

test('failures are repeated with growing pauses; a conflict is no trouble', async () => {
  const { cluster, pass, run, end } = start([claim('a')]);
  cluster.failures.push(new Error('away'), new ApiError({ method: 'PATCH', path: '/x' }, 409, { reason: 'Conflict' }));
  run();
  await pass(1_400);
  expect(cluster.writes).toEqual([]);
  await pass(400);
  expect(cluster.writes.map(({ atMs }) => atMs)).toEqual([1_500]);
  await end();
});

test('ensure waits until the namespace is written and every API server had time to read it', async () => {
  const { clock, cluster, scope, pass, run, end } = start([claim('a')]);
  let sureAtMs: number | undefined;
  const ensured = scope.ensure('a', never).then(() => (sureAtMs = clock.monotonicMs()));
  await pass(3_000);
  expect(sureAtMs, 'nobody leads').toBeUndefined();
  cluster.failures.push(new Error('away'));
  run();
  await pass(5_000);
  await ensured;
  expect(cluster.writes.map(({ atMs }) => atMs)).toEqual([3_500]);
  expect(sureAtMs).toBe(4_500);
  await expect(scope.ensure('a', never)).resolves.toBeUndefined();
  await end();
});

test('ensure does not wait for the debounce, nor for a namespace that is not to be gated', async () => {
  const { clock, cluster, scope, pass, run, end } = start([claim('a')]);
  run();
  await pass(5_000);
  await Promise.all([scope.ensure('kube-system', never), scope.ensure('nobody', never)]);
  cluster.set([claim('a'), claim('b')]);
  const askedMs = clock.monotonicMs();
  const ensured = scope.ensure('b', never);
  await pass(2_000);
  await ensured;
  expect(cluster.writes.at(-1)).toMatchObject({ atMs: askedMs, namespaces: ['a', 'b'] });
  await end();
});

test('ensure ends with its signal, with the claim that it was asked for, and after 10 s with the reason', async () => {
  const { cluster, scope, pass, run, end } = start([claim('a')], { missing: true });
  run();
  const stop = new AbortController();
  const ensured = scope.ensure('a', stop.signal);
  const whileGated = scope.ensure('a', never);
  await pass(2_000);
  stop.abort(new Error('too long'));
  await expect(ensured).rejects.toThrow('too long');
  cluster.set([claim('a', observe)]);
  await pass(6_000);
  await expect(whileGated).resolves.toBeUndefined();
  cluster.set([claim('a')]);
  const reason = 'namespace a do not reach the gate yet: ValidatingWebhookConfiguration gate is missing';
  await Promise.all([expect(scope.ensure('a', never)).rejects.toThrow(reason), pass(11_000)]);
  await end();
});

test('a new term knows nothing of the one before', async () => {
  const { clock, cluster, scope, pass, run, end } = start([claim('a')]);
  run();
  await pass(5_000);
  await end();
  const waits = scope.ensure('a', AbortSignal.any([never, abortedIn(clock, 3_000)]));
  await Promise.all([expect(waits).rejects.toThrow('no longer'), pass(4_000)]);
  expect(cluster.writes).toHaveLength(1);
});

function abortedIn(clock: ManualClock, ms: number): AbortSignal {
  const controller = new AbortController();
  clock.schedule(ms, () => controller.abort(new Error('no longer')));
  return controller.signal;
}
