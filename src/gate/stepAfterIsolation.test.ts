import { describe, expect, it } from 'vitest';
import type { Sights } from './drainTime.ts';
import { decideStep } from './step.ts';
import { ago, barrier, type Given, MONO_MS, NOW_MS, observation, service } from './testing/observations.ts';
import type { DrainPath, DrainProgress, GateStep } from './types.ts';

const clean = { slicesCleanAtMs: NOW_MS - 1_000, proxies: barrier, proxiesHeardMs: MONO_MS };
const paths: readonly DrainPath[] = ['ScaleDown', 'Eviction', 'Delete'];

/** As a leader knows a time that it saw first so many seconds ago, when it was so old by the wall clock. */
function seen(at: string, ownSeconds: number, ageSeconds: number): Sights {
  const sight = { ageMs: ageSeconds * 1000, seenMs: MONO_MS - ownSeconds * 1000 };
  return { lookedMs: MONO_MS, of: new Map([[at, sight]]) };
}

function isolated(given: Given = {}): GateStep {
  const state = { isolatedAt: ago(2), removedLabels: { app: 'web' }, ...given.state };
  return decideStep(observation({ ...given, handedOver: true, state }));
}

describe.each(paths)('after isolation (%s)', (path) => {
  const end = path === 'Delete' ? 'MarkDrained' : 'LetGo';

  it('goes from the slices to the proxies to the end', () => {
    expect(isolated({ path })).toEqual({ do: 'VerifySlices' });
    expect(isolated({ path, progress: { slicesCleanAtMs: NOW_MS } })).toEqual({ do: 'VerifyProxies' });
    expect(isolated({ path, progress: clean })).toEqual({ do: end, outcome: 'Verified' });
  });

  it.each<readonly [string, Given, number]>([
    ['a headless Service', { services: [service(['b'], { otherDataPath: 'DNS' })] }, 5_000],
    [
      'a proxy that did not answer',
      { progress: { ...clean, proxies: { ...barrier, evidence: 'PartialBarrier' } } },
      5_000,
    ],
    ['no barrier', { progress: { ...clean, proxies: { ...barrier, evidence: 'QuietTime' } } }, 5_000],
    ['connections on their way, in a pod without a preStop sleep', { pod: { preStopSeconds: 0 } }, 2_000],
    ['connections on their way, as far as the preStop sleep is too short', { pod: { preStopSeconds: 1 } }, 1_000],
    ['the author', { settings: { quietSeconds: 8 } }, 8_000],
    [
      'the author, over the default',
      { settings: { quietSeconds: 1 }, services: [service([], { otherDataPath: 'DNS' })] },
      1_000,
    ],
  ])('keeps quiet time because of %s, counted from the confirmation', (_, given, quietMs) => {
    const quiet = { path, progress: clean, ...given };
    expect(isolated(quiet)).toMatchObject({ do: 'Wait', forMs: quietMs });
    const later = { ...quiet.progress, proxiesHeardMs: MONO_MS - quietMs };
    expect(isolated({ ...quiet, progress: later })).toMatchObject({ do: end });
  });

  it('keeps none when the author wants none', () => {
    const services = [service([], { otherDataPath: 'DNS' })];
    const pod = { preStopSeconds: 0 };
    expect(isolated({ path, progress: clean, services, pod, settings: { quietSeconds: 0 } })).toMatchObject({
      do: end,
    });
  });

  it('asks the application, and waits no longer than its time-out', () => {
    const drained = { httpGet: { path: '/drained', port: 80, scheme: 'HTTP' as const }, timeoutSeconds: 10 };
    const asked = (progress: Given['progress']) =>
      isolated({ path, settings: { drained }, progress: { ...clean, ...progress } });
    expect(asked({})).toEqual({ do: 'CheckDrained', check: drained });
    expect(asked({ drainedAskedMs: MONO_MS - 14_999 })).toMatchObject({ do: 'CheckDrained' });
    expect(asked({ drainedAskedMs: MONO_MS - 15_000 })).toMatchObject({ do: end, outcome: 'Verified' });
    for (const met of [true, false]) {
      expect(asked({ drained: { atMs: NOW_MS, met } })).toMatchObject({ do: end, outcome: 'Verified' });
    }
  });

  it.each([
    [{}, 'its removal from the EndpointSlices was not seen'],
    [{ slicesCleanAtMs: NOW_MS }, 'not every service proxy confirmed its removal'],
    [clean, 'it was not yet quiet or drained'],
  ])('ends at the hard limit, loudly: %j', (progress, missing) => {
    const state = { isolatedAt: ago(60), askedAt: ago(61), until: ago(31), abandonedAt: ago(40) };
    expect(isolated({ path, progress, state, settings: { quietSeconds: 90 } })).toEqual({
      do: 'LetGo',
      outcome: 'DeadlinePassed',
      violation: `pod web-a was let go 60 s after its isolation although ${missing}`,
    });
  });

  it('passes every check where it was isolated without what it waited for, and says so', () => {
    const state = { unmet: 'its budget said no', askedAt: ago(61), until: ago(31), abandonedAt: ago(40) };
    expect(isolated({ path, state, progress: { slicesCleanAtMs: NOW_MS } })).toEqual({ do: 'VerifyProxies' });
    expect(isolated({ path, state, progress: clean })).toEqual({
      do: 'LetGo',
      outcome: 'ReplacementTimeout',
      violation: 'pod web-a was evicted although this did not hold: its budget said no',
    });
    expect(isolated({ path, state: { ...state, isolatedAt: ago(60) } })).toMatchObject({
      outcome: 'DeadlinePassed',
      violation: expect.stringContaining('; when it was isolated: its budget said no') as string,
    });
  });

  it('waits no longer than the hard limit', () => {
    const given: Given = { path, progress: clean, settings: { quietSeconds: 90 }, state: { isolatedAt: ago(59) } };
    expect(isolated(given)).toMatchObject({ do: 'Wait', forMs: 1_000 });
  });

  it('goes on when the gate is switched off, the Deployment or the ReplicaSet deleted, Services gone', () => {
    for (const given of [
      { settings: { mode: 'Off' } },
      { deployment: null },
      { deployment: { recreate: true } },
      { deployment: { replicas: 0 } },
      { replicaSet: null },
      { services: [] },
    ] satisfies Given[]) {
      expect(isolated({ path, ...given })).toEqual({ do: 'VerifySlices' });
      expect(isolated({ path, ...given, progress: clean })).toMatchObject({ do: end, outcome: 'Verified' });
    }
  });

  it('isolates it again where a Service has come to select it, and keeps its limit', () => {
    const fresh = service(['b'], { name: 'fresh', selector: { tier: 'front' } });
    const given: Given = { path, progress: clean, services: [service(['b']), fresh] };
    expect(isolated(given)).toEqual({ do: 'Isolate', labels: { tier: 'front' }, handOver: false, collateral: [] });
    const drainedAt = ago(1);
    expect(isolated({ ...given, state: { drainedAt } })).toMatchObject({ do: 'Isolate', labels: { tier: 'front' } });
    const over = { isolatedAt: ago(60), askedAt: ago(61), until: ago(31), abandonedAt: ago(40) };
    for (const state of [over, { ...over, drainedAt: ago(50) }]) {
      expect(isolated({ ...given, state })).toMatchObject({ do: 'LetGo', outcome: 'DeadlinePassed' });
    }
  });

  it('waits where that Service has no other ready endpoint yet', () => {
    const services = [service([]), service(['a'], { name: 'fresh', selector: { tier: 'front' } })];
    const reason = 'Service fresh selects the isolated pod again and has no other ready endpoint';
    expect(isolated({ path, progress: clean, services })).toEqual({ do: 'Wait', reason, forMs: 58_000 });
  });

  it('begins anew where a slice lists it again', () => {
    expect(isolated({ path, progress: clean, listed: 'Now' })).toEqual({ do: 'VerifySlices' });
    const state = { isolatedAt: ago(60), askedAt: ago(61), until: ago(31), abandonedAt: ago(40) };
    expect(isolated({ path, progress: clean, listed: 'Now', state })).toMatchObject({
      outcome: 'DeadlinePassed',
      violation: expect.stringContaining('removal from the EndpointSlices was not seen') as string,
    });
  });

  it('does not wait for ever for a time in the future', () => {
    expect(isolated({ path, state: { isolatedAt: ago(-3_600) } })).toMatchObject({ outcome: 'DeadlinePassed' });
    const sights = (ownSeconds: number): DrainProgress => ({ sights: seen(ago(-3_600), ownSeconds, -3_600) });
    const state = { isolatedAt: ago(-3_600) };
    expect(isolated({ path, progress: sights(59), state }).do).toBe('VerifySlices');
    expect(isolated({ path, progress: sights(60), state })).toMatchObject({ outcome: 'DeadlinePassed' });
  });

  it('is not over because a clock is ahead: who has just taken over has 30 s of its own', () => {
    const isolatedAt = ago(3_600);
    const at = (ownSeconds: number) =>
      isolated({ path, progress: { sights: seen(isolatedAt, ownSeconds, 3_600) }, state: { isolatedAt } });
    expect(at(0)).toEqual({ do: 'VerifySlices' });
    expect(at(29)).toEqual({ do: 'VerifySlices' });
    expect(at(30)).toMatchObject({ outcome: 'DeadlinePassed' });
  });

  it('is not over because the clock was set since: only what this leader has waited counts', () => {
    const isolatedAt = ago(3_600);
    const at = (ownSeconds: number) =>
      isolated({
        path,
        progress: { ...clean, sights: seen(isolatedAt, ownSeconds, 0) },
        state: { isolatedAt },
        settings,
      });
    const settings = { quietSeconds: 90 };
    expect(at(59)).toMatchObject({ do: 'Wait', forMs: 1_000 });
    expect(at(60)).toMatchObject({ outcome: 'DeadlinePassed' });
  });
});

describe("a person's delete after isolation", () => {
  const path = 'Delete';
  const drainedAt = ago(1);

  it('is left to the waiting request, which may need some time', () => {
    expect(isolated({ path, state: { drainedAt } })).toMatchObject({ do: 'Wait', forMs: 27_000 });
    expect(isolated({ path, state: { drainedAt, askedAt: ago(29), until: ago(4) } })).toMatchObject({ forMs: 1_000 });
  });

  it('is let go by the operator when the request did not delete it', () => {
    const over = { askedAt: ago(30), until: ago(5) };
    expect(isolated({ path, state: { drainedAt, ...over } })).toEqual({ do: 'LetGo', outcome: 'Verified' });
    expect(isolated({ path, progress: clean, state: over })).toEqual({ do: 'LetGo', outcome: 'Verified' });
    expect(isolated({ path, state: over })).toEqual({ do: 'VerifySlices' });
  });

  it('is let go by the operator when the request was abandoned, but only after the checks', () => {
    const abandonedAt = ago(1);
    expect(isolated({ path, state: { abandonedAt } })).toEqual({ do: 'VerifySlices' });
    expect(isolated({ path, progress: clean, state: { abandonedAt } })).toEqual({ do: 'LetGo', outcome: 'Verified' });
    expect(isolated({ path, state: { abandonedAt, drainedAt } })).toEqual({ do: 'LetGo', outcome: 'Verified' });
  });

  it('stays loud when something did not hold at its isolation', () => {
    const state = { drainedAt, abandonedAt: ago(1), unmet: 'no replacement' };
    expect(isolated({ path, state })).toMatchObject({ outcome: 'ReplacementTimeout', violation: expect.any(String) });
  });

  it('stays loud when it was drained by the hard limit alone', () => {
    const state = { isolatedAt: ago(70), drainedAt: ago(10), abandonedAt: ago(60) };
    expect(isolated({ path, state })).toMatchObject({ do: 'LetGo', outcome: 'DeadlinePassed' });
  });
});
