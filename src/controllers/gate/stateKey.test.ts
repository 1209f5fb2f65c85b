import { expect, test } from 'vitest';
import { ApiError, type ClientOf, type Secret } from '../../kube/index.ts';
import { ManualClock, silentLogger } from '../../runtime/index.ts';
import { createStateKey, GATE_KEY } from './stateKey.ts';

const site = { method: 'PUT', path: '/fake' };
const certificates = { 'tls.crt': 'Y2VydA==', 'tls.key': '/wA=' };

interface FakeSecret {
  secret: Secret | undefined;
  writes: number;
  /** What the next calls answer instead. */
  readonly failures: Error[];
  readonly client: Pick<ClientOf<Secret>, 'find' | 'update'>;
  put(data: Secret['data']): void;
}

/** One Secret with the API server's rule for concurrent writes; every call takes a turn of the event loop. */
function fakeSecret(data: Secret['data'] | 'missing' = certificates): FakeSecret {
  let version = 1;
  const store: FakeSecret = {
    secret: undefined,
    writes: 0,
    failures: [],
    client: {
      async find() {
        await turn();
        return structuredClone(store.secret);
      },
      async update(_, object) {
        await turn();
        if (object.metadata.resourceVersion !== store.secret?.metadata.resourceVersion) {
          throw new ApiError(site, 409, { reason: 'Conflict' });
        }
        store.writes += 1;
        store.put(object.data);
        return object;
      },
    },
    put(data: Secret['data']) {
      version += 1;
      const metadata = { name: 'tls', namespace: 'gr', labels: { app: 'x' }, resourceVersion: String(version) };
      store.secret = { metadata, type: 'Opaque', ...(data === undefined ? {} : { data }) };
    },
  };
  const turn = async (): Promise<void> => {
    await new Promise(setImmediate);
    const failure = store.failures.shift();
    if (failure !== undefined) throw failure;
  };
  if (data !== 'missing') store.put(data);
  return store;
}

function keyOver(store: ReturnType<typeof fakeSecret>, clock = new ManualClock()) {
  const options = { client: store.client, namespace: 'gr', secretName: 'tls', clock, log: silentLogger };
  return createStateKey(options);
}

const never = new AbortController().signal;

test('the first replica makes 32 random bytes, keeps what else is in the Secret, and all read the same', async () => {
  const store = fakeSecret();
  const keys = await Promise.all(Array.from({ length: 5 }, () => keyOver(store).read(never)));
  expect(keys[0]).toHaveLength(32);
  expect(new Set(keys.map((key) => key.toString('hex'))).size).toBe(1);
  expect(store.writes).toBe(1);
  expect(store.secret).toMatchObject({ type: 'Opaque', metadata: { labels: { app: 'x' } } });
  expect(store.secret?.data).toEqual({ ...certificates, [GATE_KEY]: keys[0]?.toString('base64') });
  const other = await keyOver(fakeSecret()).read(never);
  expect(other.equals(keys[0] ?? Buffer.alloc(0))).toBe(false);
});

test('an empty Secret gets a key, one that is no key is replaced, one that is there stays', async () => {
  const empty = fakeSecret(undefined);
  await expect(keyOver(empty).read(never)).resolves.toHaveLength(32);
  const broken = fakeSecret({ [GATE_KEY]: 'c2hvcnQ=' });
  await expect(keyOver(broken).read(never)).resolves.toHaveLength(32);
  const there = Buffer.alloc(32, 7);
  const kept = fakeSecret({ [GATE_KEY]: there.toString('base64') });
  expect(await keyOver(kept).read(never)).toEqual(there);
  expect([empty.writes, broken.writes, kept.writes]).toEqual([1, 1, 0]);
});

test('a missing Secret is said with what to do', async () => {
  await expect(keyOver(fakeSecret('missing')).read(never)).rejects.toThrow(
    'Secret gr/tls is missing: install it again with the chart',
  );
});

test('who waits gets the key as soon as it could be read, or the reason why they stopped waiting', async () => {
  const store = fakeSecret();
  store.failures.push(new Error('away'), new Error('away'));
  const clock = new ManualClock();
  const stateKey = keyOver(store, clock);
  const stop = new AbortController();
  const gone = new AbortController();
  const waits = stateKey.get(never);
  const givesUp = stateKey.get(gone.signal);
  const running = stateKey.run(stop.signal);
  await clock.advance(0);
  expect(stateKey.current()).toBeUndefined();
  gone.abort(new Error('the request ended'));
  await expect(givesUp).rejects.toThrow('the request ended');
  await expect(stateKey.get(gone.signal)).rejects.toThrow('the request ended');
  for (let i = 0; i < 30; i++) await clock.advance(100);
  expect(await waits).toEqual(stateKey.current());
  expect(await stateKey.get(never)).toEqual(stateKey.current());
  stop.abort();
  await running;
  expect(clock.pendingTimers).toBe(0);
});

test('a key that changed in the Secret is noticed within a minute, or at once by whoever reads', async () => {
  const store = fakeSecret();
  const clock = new ManualClock();
  const stateKey = keyOver(store, clock);
  const stop = new AbortController();
  const running = stateKey.run(stop.signal);
  while (stateKey.current() === undefined) await clock.advance(10);
  const restored = Buffer.alloc(32, 1);
  store.put({ [GATE_KEY]: restored.toString('base64') });
  for (let i = 0; i < 61; i++) await clock.advance(1_000);
  expect(stateKey.current()).toEqual(restored);
  const another = Buffer.alloc(32, 2);
  store.put({ [GATE_KEY]: another.toString('base64') });
  expect(await stateKey.read(never)).toEqual(another);
  expect(stateKey.current()).toEqual(another);
  stop.abort();
  await running;
});
