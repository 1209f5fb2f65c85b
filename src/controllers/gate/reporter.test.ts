import { expect, test } from 'vitest';
import type { DrainState, Evidence } from '../../gate/types.ts';
import type { EventInput } from '../../kube/events.ts';
import { seriesKey } from '../../kube/eventsFormat.ts';
import { EvidenceLog } from './evidenceLog.ts';
import { claim, FakeGate } from './gateFakes.ts';
import { GateReporter } from './reporter.ts';

function setUp() {
  const events: EventInput[] = [];
  const news: string[] = [];
  const counted: Evidence[] = [];
  const evidence = new EvidenceLog();
  const reporter = new GateReporter({
    events: { record: (event) => void events.push(event) },
    evidence,
    metrics: { ended: (each) => void counted.push(each) },
    onNews: ({ metadata }) => void news.push(metadata.name ?? ''),
  });
  return { events, news, counted, evidence, reporter, pod: new FakeGate().view('a') };
}

const eviction: DrainState = { path: 'Eviction', by: 'drainer', askedAt: '2026-01-01T12:00:00Z' };
const verified: Evidence = { pod: 'a', uid: 'a', path: 'Eviction', outcome: 'Verified' };
const barrier = { evidence: 'Barrier', atMs: 10_000, confirmed: 2, silent: [] } as const;

test('events are about the GracefulRollout, with the pod beside it', () => {
  const { reporter, events, pod } = setUp();
  reporter.waiting(pod, eviction, 'no room', claim());
  expect(events).toMatchObject([
    {
      regarding: { kind: 'GracefulRollout', namespace: 'shop', name: 'gr', uid: 'gr' },
      related: { kind: 'Pod', namespace: 'shop', name: 'a', uid: 'a' },
      type: 'Warning',
      reason: 'EvictionWaiting',
    },
  ]);
});

test.each<[string, Evidence, readonly string[]]>([
  ['verified', { ...verified, proxies: barrier, sigtermAtMs: 12_000 }, ['Drained']],
  ['too early', { ...verified, proxies: barrier, sigtermAtMs: 9_000 }, ['Drained', 'DrainViolation']],
  ['ungated, in time', { ...verified, outcome: 'Ungated', proxies: barrier, sigtermAtMs: 12_000 }, []],
  ['ungated, too early', { ...verified, outcome: 'Ungated', proxies: barrier, sigtermAtMs: 8_500 }, ['DrainViolation']],
  [
    'with quiet time, which tells nothing of proxies',
    { ...verified, proxies: { ...barrier, evidence: 'QuietTime' }, sigtermAtMs: 1 },
    ['Drained'],
  ],
])('the end of a pod: %s', (_, evidence, reasons) => {
  const { reporter, events, pod, news, counted, evidence: log } = setUp();
  reporter.ended(pod, evidence, claim());
  expect(events.map(({ reason }) => reason)).toEqual(reasons);
  expect(news).toEqual(['gr']);
  expect(counted).toEqual([evidence]);
  expect(log.of('shop/gr')).toEqual([evidence]);
});

test('how much too early is said', () => {
  const { reporter, events, pod } = setUp();
  reporter.ended(pod, { ...verified, outcome: 'Ungated', proxies: barrier, sigtermAtMs: 8_500 }, claim());
  expect(events[0]?.note).toContain('1.5 s before the last proxy had let go of it');
});

test('an end without a GracefulRollout is counted, and told to nobody', () => {
  const { reporter, events, pod, news, counted } = setUp();
  reporter.ended(pod, verified, undefined);
  reporter.violation(pod, eviction, 'x', undefined);
  reporter.forged(pod, undefined);
  expect([counted.length, events.length, news.length]).toEqual([1, 0, 0]);
});

test.each<[DrainState['path'], number]>([
  ['Eviction', 1],
  ['ScaleDown', 0],
  ['Delete', 0],
])('a %s that is called off: %i events, and news for the status', (path, count) => {
  const { reporter, events, pod, news } = setUp();
  reporter.cancelled(pod, { ...eviction, path }, 'why', claim());
  expect(events).toHaveLength(count);
  expect(news).toEqual(['gr']);
});

test('the log keeps the last 200 ends of a GracefulRollout, each pod once', () => {
  const log = new EvidenceLog();
  for (let index = 0; index < 250; index += 1) log.add('shop/gr', { ...verified, uid: String(index) });
  log.add('shop/gr', { ...verified, uid: '249', violation: 'x' });
  expect(log.of('shop/gr')).toHaveLength(200);
  expect(log.of('shop/gr').at(0)?.uid).toBe('50');
  expect(log.of('shop/gr').at(-1)).toMatchObject({ uid: '249', violation: 'x' });
  expect(log.of('shop/other')).toEqual([]);
});

test('proxies that are silent are named, the first five of them', () => {
  const { reporter, events } = setUp();
  reporter.silentProxies([], claim());
  reporter.silentProxies(['n7', 'n1', 'n2', 'n3', 'n4', 'n5'], claim());
  expect(events).toMatchObject([{ type: 'Warning', reason: 'ProxySilent' }]);
  expect(events[0]?.note).toContain('n1, n2, n3, n4, n5 and 1 more do not confirm');
  // With a pod in it, each pod would be another event.
  expect(events[0]).not.toHaveProperty('related');
});

test('last endpoints on their nodes are no warning, and one event for all pods', () => {
  const { reporter, events } = setUp();
  for (let pod = 0; pod < 20; pod += 1) reporter.lastOnNode('front', claim());
  expect(new Set(events.map(seriesKey)).size).toBe(1);
  expect(events[0]).toMatchObject({ type: 'Normal', reason: 'LastOnNode' });
  expect(events[0]?.note).toContain('Service front (traffic policy Local)');
});

test('labels that something else selects on too are no warning, and one event for all pods', () => {
  const { reporter, events } = setUp();
  reporter.isolated([], claim());
  const collateral = [{ key: 'app', by: 'PodDisruptionBudget web' }];
  for (let pod = 0; pod < 20; pod += 1) reporter.isolated(collateral, claim());
  expect(events).toHaveLength(20);
  expect(new Set(events.map(seriesKey)).size).toBe(1);
  expect(events[0]).toMatchObject({ type: 'Normal', reason: 'IsolationCollateral' });
  expect(events[0]?.note).toContain('PodDisruptionBudget web (label app)');
});
