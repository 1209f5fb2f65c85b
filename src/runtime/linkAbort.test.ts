import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { linkAbort } from './linkAbort.ts';

describe('linkAbort', () => {
  test('follows each of its sources, with the reason, also one that was aborted before', () => {
    const [first, second] = [new AbortController(), new AbortController()];
    const link = linkAbort(first.signal, second.signal);
    expect(link.signal.aborted).toBe(false);
    second.abort(new Error('second'));
    expect(link.signal.reason).toEqual(new Error('second'));
    expect(linkAbort(first.signal, second.signal).signal.reason).toEqual(new Error('second'));
  });

  test('can be aborted alone', () => {
    const source = new AbortController();
    const link = linkAbort(source.signal);
    link.abort(new Error('alone'));
    expect(link.signal.reason).toEqual(new Error('alone'));
    expect(source.signal.aborted).toBe(false);
  });

  test('leaves nothing at its sources once released, whoever still listens to it', () => {
    const source = new AbortController();
    const link = linkAbort(source.signal);
    link.signal.addEventListener('abort', () => undefined);
    expect(getEventListeners(source.signal, 'abort')).toHaveLength(1);
    link.release();
    expect(getEventListeners(source.signal, 'abort')).toHaveLength(0);
    source.abort();
    expect(link.signal.aborted).toBe(false);
  });
});
