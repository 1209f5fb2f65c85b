import { describe, expect, it } from 'vitest';
import { REFUSED_MS, refusedAgain } from './refusal.ts';
import { decideStep } from './step.ts';
import { ago, MONO_MS, NOW_MS, observation, service } from './testing/observations.ts';
import {
  alone,
  budget,
  expectSteps,
  isolates,
  known,
  lastEndpoint,
  replaced,
  type StepCase,
} from './testing/stepCases.ts';

const message = 'pods "web-a" is forbidden: pods carry label app';
/** Refused all the time from so many seconds ago to so many. */
const refused = (fromSeconds: number, toSeconds = 0) => ({
  refused: { sinceMs: MONO_MS - fromSeconds * 1000, atMs: MONO_MS - toSeconds * 1000, message },
});
const long = refused(15);
const yes = { budget: { heardMs: MONO_MS, allowed: true, message: '' } };
const violation = `pod web-a was let go without being taken out of its Services, as in plain Kubernetes, since the API server refuses what the gate does to it: ${message}`;
const letsGo = { do: 'LetGo', outcome: 'Refused', violation } as const;

const cases: readonly StepCase[] = [
  ['refused for a moment: tried again', { progress: refused(14) }, isolates],
  ['refused for 15 s: deleted as it is', { progress: long }, letsGo],
  ['refused long ago: tried again', { progress: refused(80, 60) }, isolates],
  ['the hand-over of the last endpoint', { ...lastEndpoint, path: 'Eviction', progress: long }, letsGo],
  ['the hand-over of a surplus pod that no Service selects', { services: [], progress: long }, letsGo],
  [
    'a replacement is waited for: nothing is refused',
    { ...replaced, siblings: alone, services: [service(['a'])], progress: long },
    { do: 'Wait' },
  ],
  ['an eviction whose replacement is there', { ...replaced, progress: { ...known, ...long } }, letsGo],
  [
    'an eviction under a budget: the API server is asked',
    { path: 'Eviction', budgets: [budget], progress: long },
    { do: 'AskBudget' },
  ],
  [
    'an eviction under a budget that says no: it serves on',
    {
      path: 'Eviction',
      budgets: [budget],
      progress: { ...long, budget: { heardMs: MONO_MS, allowed: false, message: 'no' } },
    },
    { do: 'Wait', reason: 'no' },
  ],
  [
    'an eviction under a budget that says yes',
    { path: 'Eviction', budgets: [budget], progress: { ...long, ...yes } },
    letsGo,
  ],
  [
    'an eviction that its ReplicaSet wants too, and was told is done: budgets have no say',
    { path: 'Eviction', replicas: 2, budgets: [budget], progress: long },
    letsGo,
  ],
  ['budgets have no say in a scale-down', { budgets: [budget], progress: long }, letsGo],
  [
    'a person waits: told at once that the pod may go',
    { path: 'Delete', progress: long },
    { do: 'MarkDrained', outcome: 'Refused', violation },
  ],
  [
    'a person who was told deletes it',
    { path: 'Delete', progress: long, state: { drainedAt: ago(1) } },
    { do: 'Wait', reason: 'drained; the waiting request deletes it' },
  ],
  [
    'after isolation nothing of it matters',
    { handedOver: true, progress: long, state: { isolatedAt: ago(1) } },
    { do: 'VerifySlices' },
  ],
];

describe('what the API server refuses for long is done as in plain Kubernetes', () => {
  expectSteps(cases);
});

describe('refusals in a row', () => {
  it('count from the first', () => {
    const first = refusedAgain(undefined, MONO_MS, 'one');
    const last = refusedAgain(first, MONO_MS + REFUSED_MS, 'two');
    expect(last).toEqual({ sinceMs: MONO_MS, atMs: MONO_MS + REFUSED_MS, message: 'two' });
  });

  it('do not count by a clock that can be set', () => {
    const { monoMs } = observation({});
    const first = refusedAgain(undefined, monoMs, 'one');
    const jumped = { ...observation({ progress: { refused: first } }), nowMs: NOW_MS + 3_600_000 };
    expect(decideStep(jumped).do).toBe('Isolate');
  });

  it('count anew after a long time without one', () => {
    const first = refusedAgain(undefined, MONO_MS - 600_000, 'one');
    expect(refusedAgain(first, MONO_MS, 'two').sinceMs).toBe(MONO_MS);
  });
});
