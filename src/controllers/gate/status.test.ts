import { expect, test } from 'vitest';
import type { GracefulRolloutStatus } from '../../api/index.ts';
import type { DrainState, Evidence } from '../../gate/types.ts';
import { gracefulRollouts } from '../../kube/index.ts';
import { OperatorMetrics, silentLogger } from '../../runtime/index.ts';
import { claim, FakeGate, refusal, START } from './gateFakes.ts';
import { GateStatus, type GateStatusOptions, statusOf } from './status.ts';

const startMs = Date.parse(START);
const end = (pod: string, given: Partial<Evidence> = {}): Evidence => ({
  pod,
  uid: pod,
  path: 'ScaleDown',
  outcome: 'Verified',
  isolatedAtMs: startMs,
  proxies: { evidence: 'Barrier', atMs: startMs + 1_000, confirmed: 2, silent: [] },
  sigtermAtMs: startMs + 6_000,
  goneAtMs: startMs + 8_000,
  ...given,
});

test('the last ends, newest first, with margin and recommended sleep', () => {
  const status = statusOf([end('a'), end('b', { sigtermAtMs: startMs + 3_500 })], [], undefined);
  expect(status.recent?.map(({ pod, marginSeconds }) => [pod, marginSeconds])).toEqual([
    ['b', 2.5],
    ['a', 5],
  ]);
  expect(status.margin).toEqual({ pods: 2, minSeconds: 2.5, p50Seconds: 5, p99Seconds: 2.5 });
  expect(status.recommendedPreStopSeconds).toBe(2);
  expect(status.recent?.[1]).toMatchObject({ isolatedAt: START, proxiesEvidence: 'Barrier', proxiesConfirmed: 2 });
  expect(status).not.toHaveProperty('draining');
});

test('pods in drain, who asked first comes first', () => {
  const gate = new FakeGate();
  const drain = (name: string, askedAt: string, state: Partial<DrainState> = {}) => ({
    pod: gate.view(name),
    state: { path: 'Eviction', by: 'x', askedAt, ...state } as const,
  });
  const later = '2026-01-01T12:00:05Z';
  const drains = [drain('a', later, { reason: 'waiting' }), drain('b', START, { handedOverAt: later })];
  expect(statusOf([], drains, undefined).draining).toEqual([
    { pod: 'b', path: 'Eviction', stage: 'HandedOver', since: START },
    { pod: 'a', path: 'Eviction', stage: 'Asked', reason: 'waiting', since: later },
  ]);
  const many = Array.from({ length: 30 }, () => drain('a', START));
  expect(statusOf([], many, undefined).draining).toHaveLength(10);
});

test('after a restart of the operator it says what it said, until there is news; then both', () => {
  const before = statusOf([end('a'), end('b')], [], undefined);
  expect(statusOf([], [], before)).toEqual(before);
  const after = statusOf([end('c')], [], before);
  expect(after.recent?.map(({ pod }) => pod)).toEqual(['c', 'b', 'a']);
  expect(after.margin?.pods).toBe(1);
  // An end without a margin does not wipe out the margins that are known.
  const unknown = { pod: 'd', uid: 'd', path: 'Ungated', outcome: 'Ungated' } as const;
  expect(statusOf([unknown], [], before)).toMatchObject({ margin: before.margin, recommendedPreStopSeconds: 2 });
  // The same pod is not told twice, and there are ten at most.
  expect(statusOf([end('b')], [], before).recent?.map(({ pod }) => pod)).toEqual(['b', 'a']);
  const many = Array.from({ length: 30 }, (_, index) => end(`p${index}`));
  expect(statusOf(many, [], before).recent?.map(({ pod }) => pod)).toEqual(
    Array.from({ length: 10 }, (_, index) => `p${29 - index}`),
  );
});

function run(gate: FakeGate) {
  const writes: { readonly body: unknown; readonly options: object }[] = [];
  const answers: Error[] = [];
  const client: GateStatusOptions['client'] = {
    patch: (resource, _ref, { body }, options) => {
      expect(resource).toBe(gracefulRollouts);
      writes.push({ body, options });
      const error = answers.shift();
      return error === undefined ? Promise.resolve({ metadata: {} }) : Promise.reject(error);
    },
  };
  const status = new GateStatus({
    client,
    caches: gate.caches,
    evidence: gate.evidence,
    drainsOf: () => [],
    clock: gate.clock,
    log: silentLogger,
    metrics: new OperatorMetrics(),
  });
  const never = new AbortController().signal;
  void status.controller.run(never, never);
  return { status, writes, answers };
}

test('news are gathered for a second into one write, of its own part of the status only', async () => {
  const gate = new FakeGate();
  const { status, writes } = run(gate);
  for (const pod of ['a', 'b']) {
    gate.evidence.add('shop/gr', end(pod));
    status.note(claim());
  }
  await gate.clock.advance(999);
  expect(writes).toEqual([]);
  await gate.clock.advance(1);
  expect(writes).toHaveLength(1);
  expect(writes[0]).toMatchObject({
    body: { metadata: { uid: 'gr' }, status: { endpointCheck: { recent: [{ pod: 'b' }, { pod: 'a' }] } } },
    options: { subresource: 'status', fieldManager: 'graceful-rollout-gate' },
  });
});

test('what is said already is not written again', async () => {
  const gate = new FakeGate();
  const { status, writes } = run(gate);
  gate.evidence.add('shop/gr', end('a'));
  const said: GracefulRolloutStatus = { endpointCheck: statusOf([end('a')], [], undefined) };
  gate.informers.claims.set({ ...claim(), metadata: { ...claim().metadata, resourceVersion: 'x' }, status: said });
  status.note(claim());
  await gate.clock.advance(5_000);
  expect(writes).toEqual([]);
});

test('a GracefulRollout that is gone is no error, and its evidence is forgotten', async () => {
  const gate = new FakeGate();
  const { status, writes, answers } = run(gate);
  gate.evidence.add('shop/gr', end('a'));
  answers.push(refusal(404, 'NotFound'));
  status.note(claim());
  await gate.clock.advance(60_000);
  expect(writes).toHaveLength(1);
  gate.informers.claims.remove('shop/gr', 'gr');
  status.note(claim());
  await gate.clock.advance(1_000);
  expect(gate.evidence.of('shop/gr')).toEqual([]);
});
