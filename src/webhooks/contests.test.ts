import { expect, test } from 'vitest';
import { type Contest, Contests, contestThreshold, contestWindowMs } from './contests.ts';

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

test('long texts are cut to 256 characters, never inside a character', () => {
  const contests = new Contests();
  const long = { ...write, field: 'f'.repeat(500_000), writer: 'w'.repeat(500_000), value: `${'v'.repeat(255)}😀` };
  let contest: Contest | undefined;
  for (let n = 1; n <= contestThreshold; n += 1) contest = contests.note({ ...long, value: `${long.value}${n}` }, n);
  expect(contest).toEqual({
    field: 'f'.repeat(256),
    writer: 'w'.repeat(256),
    value: 'v'.repeat(255),
    times: contestThreshold,
    lastSeenMs: contestThreshold,
  });
  const exact = { ...write, value: 'v'.repeat(256) };
  for (let n = 1; n <= contestThreshold; n += 1) contest = contests.note(exact, n);
  expect(contest?.value).toBe(exact.value);
});

test('writes that differ only behind the cut are the same writes, and the bound on their number holds', () => {
  const contests = new Contests();
  const prefix = 'w'.repeat(300);
  contests.note({ ...write, writer: `${prefix}1` }, 1);
  contests.note({ ...write, writer: `${prefix}2` }, 2);
  for (let n = 0; n < 9_999; n += 1) contests.note({ ...write, writer: `${n}` }, 3);
  expect(contests.note({ ...write, writer: `${prefix}3` }, 4)?.times).toBe(3);
  for (let n = 0; n < 10_000; n += 1) contests.note({ ...write, writer: `${n}` }, 5);
  expect(contests.note({ ...write, writer: prefix }, 6)).toBeUndefined();
});
