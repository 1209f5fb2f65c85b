import { expect, test } from 'vitest';
import { Contests, contestThreshold, contestWindowMs } from './contests.ts';

const write = {
  namespace: 'shop',
  deployment: 'web',
  field: 'spec.template.spec.terminationGracePeriodSeconds',
  writer: 'system:serviceaccount:flux-system:kustomize-controller',
  value: '30',
};

test('a writer insists from the threshold on, not before', () => {
  const contests = new Contests();
  for (let n = 1; n < contestThreshold; n += 1) expect(contests.note(write, n * 1000)).toBeUndefined();
  expect(contests.note(write, 10_000)).toEqual({
    field: write.field,
    writer: write.writer,
    value: '30',
    times: contestThreshold,
    lastSeenMs: 10_000,
  });
});

test('writes of other writers, fields, values and targets are counted apart', () => {
  const contests = new Contests();
  const others = [
    { ...write, writer: 'alice' },
    { ...write, field: 'spec.minReadySeconds' },
    { ...write, value: '31' },
    { ...write, deployment: 'api' },
    { ...write, namespace: 'other' },
  ];
  contests.note(write, 1);
  contests.note(write, 2);
  for (const other of others) expect(contests.note(other, 3)).toBeUndefined();
  expect(contests.note(write, 4)?.times).toBe(3);
});

test('writes older than the window are forgotten, and a clock that jumps back starts over', () => {
  const contests = new Contests();
  contests.note(write, 0);
  contests.note(write, 1);
  expect(contests.note(write, contestWindowMs + 2)).toBeUndefined();
  const jumped = new Contests();
  jumped.note(write, 1_000_000);
  jumped.note(write, 1_000_001);
  expect(jumped.note(write, 5)).toBeUndefined();
});
