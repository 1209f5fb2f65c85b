import { describe, expect, test } from 'vitest';
import { ManualClock } from '../runtime/clock.ts';
import { createLogger } from '../runtime/logger.ts';
import { ApiError } from './errors.ts';
import { type EventInput, EventRecorder, type EventSink, referenceTo } from './events.ts';
import { cutBytes, newEvent } from './eventsFormat.ts';
import { deployments, type KubeEvent, type ObjectRef } from './resources.ts';

const site = { method: 'POST', path: '/events' };
const refused = (code: number, reason: string): ApiError => new ApiError(site, code, { code, reason, message: reason });

const event = (note: string, name = 'web'): EventInput => ({
  regarding: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name, uid: `uid-${name}` },
  type: 'Normal',
  reason: 'ContractEnforced',
  action: 'Enforce',
  note,
});

/** A recorder whose sink keeps what it was given, and can be made to fail. */
function rig(fault: (call: string) => Promise<void> | void = () => undefined) {
  const clock = new ManualClock();
  const created: KubeEvent[] = [];
  const series: { ref: ObjectRef; count: number; atMs: number }[] = [];
  const results: string[] = [];
  const logged: string[] = [];
  const sink: EventSink = {
    async create(each) {
      await fault('create');
      created.push(each);
    },
    async setSeries(ref, { count }) {
      await fault('series');
      series.push({ ref, count, atMs: clock.monotonicMs() });
    },
  };
  const recorder = new EventRecorder({
    sink,
    clock,
    reportingController: 'graceful-rollout.io/controller',
    reportingInstance: 'pod-1',
    log: createLogger({ level: 'debug', write: (line) => logged.push(line) }),
    onResult: (result) => results.push(result),
  });
  const stop = new AbortController();
  const running = recorder.run(stop.signal);
  return { clock, recorder, created, series, results, logged, stop, running };
}

describe('EventRecorder', () => {
  test('sends an event with everything that events.k8s.io/v1 wants', async () => {
    const { clock, recorder, created } = rig();
    recorder.record(event('preStop 5 s added'));
    await clock.advance(0);
    expect(created).toHaveLength(1);
    expect(created[0]).toMatchObject({
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { namespace: 'shop', name: expect.stringMatching(/^web\.[0-9a-f]{16}$/) },
      eventTime: '2026-01-01T00:00:00.000000Z',
      reportingController: 'graceful-rollout.io/controller',
      reportingInstance: 'pod-1',
      type: 'Normal',
      reason: 'ContractEnforced',
      action: 'Enforce',
      note: 'preStop 5 s added',
      regarding: { kind: 'Deployment', name: 'web', uid: 'uid-web' },
    });
  });

  test('counts equal events on the first: at once for the second, then at most every 30 s', async () => {
    const { clock, recorder, created, series, results } = rig();
    for (let second = 0; second < 100; second += 1) {
      recorder.record(event('same'));
      await clock.advance(1_000);
    }
    await clock.advance(60_000);
    expect(created).toHaveLength(1);
    expect(series.map(({ count, atMs }) => [count, atMs])).toEqual([
      [2, 1_000],
      [31, 31_000],
      [61, 61_000],
      [91, 91_000],
      [100, 121_000],
    ]);
    expect(series.every(({ ref }) => ref.name === created[0]?.metadata.name)).toBe(true);
    expect(results.filter((result) => result === 'series')).toHaveLength(99);
  });

  test('another note, reason, object or a pause of more than six minutes makes another event', async () => {
    const { clock, recorder, created, series } = rig();
    recorder.record(event('one'));
    recorder.record(event('two'));
    recorder.record({ ...event('one'), reason: 'Other' });
    recorder.record(event('one', 'other'));
    await clock.advance(361_000);
    recorder.record(event('one'));
    await clock.advance(0);
    expect(created).toHaveLength(5);
    expect(series).toEqual([]);
  });

  test('an event that the API server forgot begins again', async () => {
    let gone = false;
    const { clock, recorder, created, series } = rig((call) => {
      if (call === 'series' && gone) throw refused(404, 'NotFound');
    });
    recorder.record(event('same'));
    await clock.advance(60_000);
    gone = true;
    recorder.record(event('same'));
    await clock.advance(60_000);
    expect(created).toHaveLength(2);
    expect(created[1]?.metadata.name).not.toBe(created[0]?.metadata.name);
    gone = false;
    recorder.record(event('same'));
    await clock.advance(60_000);
    expect(series).toMatchObject([{ count: 2, ref: { name: created[1]?.metadata.name } }]);
  });

  test('one object gets 25 new events at once, then one in five minutes; others are not touched', async () => {
    const { clock, recorder, created, results } = rig();
    for (let index = 0; index < 40; index += 1) recorder.record(event(`note ${index}`));
    recorder.record(event('note', 'other'));
    await clock.advance(10_000);
    expect(created).toHaveLength(26);
    expect(results.filter((result) => result === 'dropped')).toHaveLength(15);
    await clock.advance(300_000);
    recorder.record(event('later'));
    recorder.record(event('later still'));
    await clock.advance(10_000);
    expect(created).toHaveLength(27);
  });

  test('what is said of many related objects silences no warning about the same one', async () => {
    const { clock, recorder, created, results } = rig();
    const about = (name: string) => ({ apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name, uid: name });
    for (let index = 0; index < 60; index += 1) {
      recorder.record({ ...event(`drained ${index}`), related: about(`pod-${index}`) });
    }
    recorder.record({ ...event('violated'), related: about('pod-1'), type: 'Warning' });
    await clock.advance(10_000);
    expect(created).toHaveLength(61);
    expect(results).not.toContain('dropped');
  });

  test('one of many related objects has its limit too, for each type of event', async () => {
    const { clock, recorder, created } = rig();
    const related = { apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name: 'a', uid: 'a' };
    for (let index = 0; index < 40; index += 1) recorder.record({ ...event(`note ${index}`), related });
    recorder.record({ ...event('note'), related, type: 'Warning' });
    await clock.advance(10_000);
    expect(created.map(({ type }) => type)).toEqual([...Array(25).fill('Normal'), 'Warning']);
  });

  test('does not flood: 20 writes a second after a burst of 100', async () => {
    const { clock, recorder, created } = rig();
    for (let index = 0; index < 300; index += 1) recorder.record(event('note', `web-${index}`));
    await clock.advance(0);
    expect(created).toHaveLength(100);
    await clock.advance(1_000);
    expect(created).toHaveLength(120);
    await clock.advance(9_000);
    expect(created).toHaveLength(300);
  });

  test('a sink that never answers holds nothing up, and memory stays bounded', async () => {
    const { clock, recorder, results } = rig(() => new Promise(() => undefined));
    for (let index = 0; index < 1_500; index += 1) recorder.record(event('note', `web-${index}`));
    await clock.advance(1_000);
    expect(results.filter((result) => result === 'dropped').length).toBe(500);
  });

  test('tries again when the fault may pass, and gives up with a warning when it does not', async () => {
    let faults = 2;
    const { clock, recorder, created, results, logged } = rig(() => {
      faults -= 1;
      if (faults >= 0) throw refused(503, 'ServiceUnavailable');
    });
    recorder.record(event('first'));
    await clock.advance(10_000);
    expect(created).toHaveLength(1);
    faults = 1_000;
    recorder.record(event('second'));
    await clock.advance(10_000);
    expect(results).toEqual(['sent', 'dropped']);
    expect(logged.map((line) => JSON.parse(line))).toMatchObject([{ level: 'warn', msg: 'event could not be sent' }]);
    faults = 0;
    recorder.record(event('second'));
    await clock.advance(10_000);
    expect(created).toHaveLength(2);
  });

  test('an answer that was lost does not make a second event', async () => {
    const names: (string | undefined)[] = [];
    let calls = 0;
    const { clock, recorder, created, results } = rig(() => {
      calls += 1;
      if (calls === 1) throw new Error('connection reset');
      if (calls === 2) throw refused(409, 'AlreadyExists');
    });
    recorder.record(event('once'));
    await clock.advance(10_000);
    names.push(...created.map(({ metadata }) => metadata.name));
    expect(names).toEqual([]);
    expect(results).toEqual(['sent']);
  });

  test('a refusal is not repeated, and a namespace that is going is no reason to warn', async () => {
    let calls = 0;
    const { clock, recorder, logged } = rig(() => {
      calls += 1;
      throw new ApiError(site, 403, {
        reason: 'Forbidden',
        details: {
          causes: [{ reason: 'NamespaceTerminating', message: 'is being terminated', field: 'metadata.namespace' }],
        },
      });
    });
    recorder.record(event('late'));
    await clock.advance(10_000);
    expect(logged.map((line) => JSON.parse(line).level)).toEqual(['debug']);
    expect(calls).toBe(1);
  });

  test('repeats that come while the event is being created are counted', async () => {
    const { clock, recorder, created, series } = rig(() => clock.sleep(1_000));
    recorder.record(event('same'));
    await clock.advance(500);
    recorder.record(event('same'));
    recorder.record(event('same'));
    await clock.advance(60_000);
    expect(created).toHaveLength(1);
    expect(series.map(({ count }) => count)).toEqual([3]);
  });

  test('an event that is being sent when the shutdown begins is not lost', async () => {
    let faults = 1;
    const { clock, recorder, created, stop, running } = rig(() => {
      faults -= 1;
      if (faults >= 0) throw refused(503, 'ServiceUnavailable');
    });
    recorder.record(event('in flight'));
    await clock.advance(10);
    stop.abort();
    await clock.advance(10);
    await running;
    expect(created.map(({ note }) => note)).toEqual(['in flight']);
  });

  test('at shutdown what is left is sent, counts included', async () => {
    const { clock, recorder, created, series, stop, running } = rig();
    recorder.record(event('same'));
    await clock.advance(0);
    recorder.record(event('same'));
    await clock.advance(0);
    recorder.record(event('same'));
    recorder.record(event('last'));
    stop.abort();
    await clock.advance(100);
    await running;
    expect(created.map(({ note }) => note)).toEqual(['same', 'last']);
    expect(series.map(({ count }) => count)).toEqual([2, 3]);
    expect(clock.pendingTimers).toBe(0);
  });

  test('at shutdown a sink that does not answer is given two seconds', async () => {
    const { clock, recorder, stop, running } = rig(() => {
      throw refused(503, 'ServiceUnavailable');
    });
    recorder.record(event('stuck'));
    await clock.advance(10);
    stop.abort();
    await clock.advance(3_000);
    await running;
    expect(clock.monotonicMs()).toBeLessThan(4_000);
  });
});

describe('newEvent', () => {
  const reporter = { reportingController: 'graceful-rollout.io/controller', reportingInstance: 'x'.repeat(300) };

  test('keeps within the limits of the API', () => {
    const input = { ...event('é'.repeat(1_000), `${'a'.repeat(235)}--${'b'.repeat(10)}`), reason: 'R'.repeat(200) };
    const made = newEvent(input, reporter, 0);
    expect(Buffer.byteLength(made.note ?? '')).toBeLessThanOrEqual(1_024);
    expect(made.note?.endsWith('é...')).toBe(true);
    expect(made.reason).toHaveLength(128);
    expect(made.reportingInstance).toHaveLength(128);
    expect(made.metadata.name?.length).toBeLessThanOrEqual(253);
    expect(made.metadata.name).toMatch(/^a{235}\.[0-9a-f]{16}$/);
  });

  test('events about objects of the cluster go to the namespace default', () => {
    const regarding = { kind: 'Node', name: 'node-1' };
    expect(newEvent({ ...event('x'), regarding }, reporter, 0).metadata.namespace).toBe('default');
  });

  test('cutBytes leaves short texts alone and never cuts a character in half', () => {
    expect(cutBytes('short', 5)).toBe('short');
    expect(cutBytes('😀😀😀', 11)).toBe('😀😀...');
    expect(cutBytes('😀😀😀', 10)).toBe('😀...');
  });
});

test('referenceTo names the kind that objects out of a list do not', () => {
  expect(
    referenceTo(deployments, { metadata: { namespace: 'shop', name: 'web', uid: 'u', resourceVersion: '7' } }),
  ).toEqual({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    namespace: 'shop',
    name: 'web',
    uid: 'u',
    resourceVersion: '7',
  });
});
