import { describe, expect, test } from 'vitest';
import {
  backoffMs,
  type ReflectorInput,
  type ReflectorState,
  type Step,
  startReflector,
  stepReflector,
} from './reflectorMachine.ts';

type Input = ReflectorInput<string>;

const half = (): number => 0.5;
const page = (version: string, ...items: string[]): Input => ({ input: 'page', items, version, continue: undefined });
const failed = (kind: 'expired' | 'refused' | 'unavailable', openMs = 0, retryAfterMs?: number): Input => ({
  input: 'failed',
  kind,
  openMs,
  retryAfterMs,
});
const watching = (version: string, more: Partial<ReflectorState<string>> = {}): ReflectorState<string> =>
  ({ phase: 'watching', failures: 0, version, productive: false, ...more }) as ReflectorState<string>;

/** Runs inputs one after the other from the start; returns the last step. */
function run(...inputs: readonly Input[]): Step<string> {
  let step: Step<string> = startReflector();
  for (const input of inputs) step = stepReflector(step.state, input, half);
  return step;
}

describe('listing', () => {
  test('begins with the first page', () => {
    expect(startReflector().effects).toEqual([{ do: 'list', continue: undefined, whole: false }]);
  });

  test('replaces the store once, when the last page is there, and watches from its version', () => {
    const first = run({ input: 'page', items: ['a'], version: '7', continue: 'more' });
    expect(first.effects).toEqual([{ do: 'list', continue: 'more', whole: false }]);
    const last = stepReflector(first.state, page('7', 'b'), half);
    expect(last.effects).toEqual([
      { do: 'replace', items: ['a', 'b'], version: '7' },
      { do: 'watch', version: '7', timeoutSeconds: 450 },
    ]);
  });

  test('begins again in one piece when a page token expired, then backs off', () => {
    const again = run({ input: 'page', items: ['a'], version: '7', continue: 'more' }, failed('expired'));
    expect(again.effects).toEqual([{ do: 'list', continue: undefined, whole: true }]);
    expect(again.state).toMatchObject({ phase: 'listing', listing: { pages: [], whole: true } });
    const still = stepReflector(again.state, failed('expired'), half);
    expect(still.effects).toEqual([{ do: 'pause', ms: 1600 }]);
  });

  test('backs off longer with each failure and at least as long as the server asks', () => {
    let step = run(failed('unavailable'));
    expect(step.effects).toEqual([{ do: 'pause', ms: 800 }]);
    step = stepReflector(step.state, { input: 'paused' }, half);
    step = stepReflector(step.state, failed('unavailable'), half);
    expect(step.effects).toEqual([{ do: 'pause', ms: 1600 }]);
    step = stepReflector(step.state, { input: 'paused' }, half);
    step = stepReflector(step.state, failed('unavailable', 0, 60_000), half);
    expect(step.effects).toEqual([{ do: 'pause', ms: 60_000 }]);
  });
});

describe('a watch that cannot be opened', () => {
  test('410 lists again at once, a second 410 in a row after a pause', () => {
    const first = run(page('7'), failed('expired'));
    expect(first.effects).toEqual([{ do: 'list', continue: undefined, whole: false }]);
    let second = stepReflector(first.state, page('8'), half);
    second = stepReflector(second.state, failed('expired'), half);
    expect(second.effects).toEqual([{ do: 'pause', ms: 1600 }]);
    expect(stepReflector(second.state, { input: 'paused' }, half).effects).toMatchObject([{ do: 'list' }]);
  });

  test('500 tries the same watch again after a pause', () => {
    const step = run(page('7'), failed('unavailable'));
    expect(step.effects).toEqual([{ do: 'pause', ms: 800 }]);
    expect(stepReflector(step.state, { input: 'paused' }, half).effects).toMatchObject([{ do: 'watch', version: '7' }]);
  });

  test('a refusal (400, 403, 404) lists after a pause', () => {
    const step = run(page('7'), failed('refused'));
    expect(step.state).toMatchObject({ phase: 'pausing', next: { do: 'list' } });
  });
});

describe('a running watch', () => {
  test('moves the version with every event and bookmark', () => {
    const upsert = stepReflector(watching('7'), { input: 'upsert', object: 'a', version: '8' }, half);
    expect(upsert).toEqual({
      state: { phase: 'watching', failures: 0, version: '8', productive: true },
      effects: [
        { do: 'upsert', object: 'a' },
        { do: 'advance', version: '8' },
      ],
    });
    const bookmark = stepReflector(upsert.state, { input: 'bookmark', version: '12' }, half);
    expect(bookmark.effects).toEqual([{ do: 'advance', version: '12' }]);
    expect(stepReflector(bookmark.state, { input: 'ended', openMs: 0 }, half).effects).toMatchObject([
      { do: 'watch', version: '12' },
    ]);
  });

  test.each([
    ['resumes at once after it delivered something', { productive: true, failures: 3 }, 0, 'watch'],
    ['resumes at once after ten quiet seconds', { failures: 3 }, 10_000, 'watch'],
    ['pauses when it ended before it did anything', { failures: 0 }, 9_999, 'pause'],
  ] as const)('%s', (_title, more, openMs, effect) => {
    const step = stepReflector(watching('7', more), { input: 'ended', openMs }, half);
    expect(step.effects[0]?.do).toBe(effect);
  });

  test.each(['upsert', 'remove', 'bookmark'] as const)('a version that goes backwards in a %s lists again', (input) => {
    const step = stepReflector(watching('1000'), { input, object: 'a', version: '999' }, half);
    expect(step.effects).toEqual([
      { do: 'closeWatch', why: 'resourceVersion went backwards, from 1000 to 999' },
      { do: 'list', continue: undefined, whole: false },
    ]);
  });

  test('opaque versions are not compared', () => {
    const step = stepReflector(watching('zz'), { input: 'bookmark', version: 'aa' }, half);
    expect(step.state).toMatchObject({ phase: 'watching', version: 'aa' });
  });

  test('410 in the stream lists at once, garbage and 500 after a pause', () => {
    expect(stepReflector(watching('7'), failed('expired'), half).effects).toMatchObject([{ do: 'list' }]);
    expect(stepReflector(watching('7'), failed('refused'), half).state).toMatchObject({ next: { do: 'list' } });
    expect(stepReflector(watching('7'), failed('unavailable'), half).state).toMatchObject({ next: { do: 'watch' } });
  });
});

test('an input that cannot happen is a defect and says so', () => {
  expect(() => stepReflector(watching('7'), { input: 'paused' }, half)).toThrow('watching cannot take "paused"');
  expect(() => stepReflector(startReflector<string>().state, { input: 'opened' }, half)).toThrow('listing cannot take');
});

test('back-off doubles from 800 ms to 30 s, spread by a quarter both ways', () => {
  expect([0, 1, 2, 5, 6, 50].map((failures) => backoffMs(failures, half))).toEqual([
    800, 1600, 3200, 25_600, 30_000, 30_000,
  ]);
  expect(backoffMs(0, () => 0)).toBe(600);
  expect(backoffMs(0, () => 0.999_999)).toBe(1000);
});
