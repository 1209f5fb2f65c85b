import { describe, expect, test } from 'vitest';
import { collectionPath, objectPath, withQuery } from './paths.ts';
import { deploymentScale, deployments, keyOf, nodes, pods, refOf } from './resources.ts';
import { parseRetryAfter, retryDelayMs } from './retry.ts';
import { isOlderVersion } from './versions.ts';
import { parseWarnings } from './warnings.ts';
import { watchEvents } from './watchStream.ts';

describe('paths', () => {
  test.each([
    [collectionPath(pods, undefined), '/api/v1/pods'],
    [collectionPath(deployments, 'a b'), '/apis/apps/v1/namespaces/a%20b/deployments'],
    [objectPath(deployments, { namespace: 'x', name: 'y' }), '/apis/apps/v1/namespaces/x/deployments/y'],
    [objectPath(deploymentScale, { namespace: 'x', name: 'y' }), '/apis/apps/v1/namespaces/x/deployments/y/scale'],
    [objectPath(nodes, { namespace: 'ignored', name: 'n/../m' }), '/api/v1/nodes/n%2F..%2Fm'],
    [withQuery('/x', { a: 'k=v,b', b: undefined, c: true, d: 0 }), '/x?a=k%3Dv%2Cb&c=true&d=0'],
    [withQuery('/x', { a: undefined }), '/x'],
  ])('%s', (path, expected) => {
    expect(path).toBe(expected);
  });

  test('keys', () => {
    expect(refOf(keyOf({ namespace: 'a', name: 'b' }))).toEqual({ namespace: 'a', name: 'b' });
    expect(refOf(keyOf({ name: 'b' }))).toEqual({ name: 'b' });
  });
});

describe('Warning headers', () => {
  test.each([
    [undefined, []],
    ['299 - "one"', ['one']],
    ['299 - "one", 299 agent "two, with comma" "Sat, 25 Aug 2012 23:34:45 GMT"', ['one', 'two, with comma']],
    [['299 - "a \\"b\\" \\\\ c"', '214 - "transformed"'], ['a "b" \\ c']],
    ['garbage', []],
  ] as const)('%j', (header, texts) => {
    expect(parseWarnings(header)).toEqual(texts);
  });
});

describe('trying again', () => {
  const read = { readOnly: true, idempotent: true, attempts: 1 };
  const write = { readOnly: false, idempotent: false, attempts: 1 };
  const answer = (code: number, retryAfterSeconds?: number) => ({ kind: 'answer', code, retryAfterSeconds }) as const;
  const broken = (neverSent: boolean) => ({ kind: 'connection', neverSent }) as const;
  test.each([
    ['429 without a time: a second', answer(429), write, 1000],
    ['429 with a time', answer(429, 3), write, 3000],
    ['429 for the eleventh time', answer(429, 3), { ...write, attempts: 11 }, undefined],
    ['503 with a time, harmless to repeat', answer(503, 2), { ...write, idempotent: true }, 2000],
    ['503 with a time, a create', answer(503, 2), write, undefined],
    ['500 without a time', answer(500), read, undefined],
    ['404', answer(404, 2), read, undefined],
    ['a read whose connection broke: at once', broken(false), read, 0],
    ['the same for the third time', broken(false), { ...read, attempts: 3 }, 400],
    ['the same for the fourth time', broken(false), { ...read, attempts: 4 }, undefined],
    ['a write whose connection broke', broken(false), write, undefined],
    ['a write that was never sent', broken(true), write, 0],
  ] as const)('%s', (_title, failure, site, expected) => {
    expect(retryDelayMs(failure, site)).toBe(expected);
  });

  test('Retry-After', () => {
    expect([undefined, '7', ['8'], 'Fri, 31 Dec 1999 23:59:59 GMT', '-1'].map(parseRetryAfter)).toEqual([
      undefined,
      7,
      8,
      undefined,
      undefined,
    ]);
  });
});

test.each([
  ['9', '10', true],
  ['10', '9', false],
  ['10', '10', false],
  ['99999999999999999998', '99999999999999999999', true],
  ['abc', 'abd', false],
  ['', '5', false],
  ['007', '8', false],
])('version %j is older than %j: %s', (a, b, older) => {
  expect(isOlderVersion(a, b)).toBe(older);
});

describe('watch lines', () => {
  async function events(...pieces: readonly (string | Buffer)[]): Promise<string[]> {
    async function* stream(): AsyncGenerator<Buffer> {
      for (const piece of pieces) yield Buffer.from(piece);
    }
    const seen: string[] = [];
    for await (const event of watchEvents(stream(), { method: 'GET', path: '/x' })) {
      if (event.type === 'BOOKMARK') seen.push(`bookmark ${event.resourceVersion}`);
      else if (event.type === 'ERROR') seen.push(`error ${event.error.code}`);
      else seen.push(`${event.type} ${event.object.metadata.name}`);
    }
    return seen;
  }
  const line = (name: string): string =>
    `${JSON.stringify({ type: 'ADDED', object: { metadata: { name, resourceVersion: '1' } } })}\n`;

  test('cut anywhere, also inside a character', async () => {
    const bytes = Buffer.from(line('grün') + line('b') + line('c'));
    for (let at = 1; at < bytes.length; at++) {
      expect(await events(bytes.subarray(0, at), bytes.subarray(at))).toEqual(['ADDED grün', 'ADDED b', 'ADDED c']);
    }
    expect(await events(...Array.from(bytes, (byte) => Buffer.from([byte])))).toHaveLength(3);
  });

  test('bookmarks, errors, empty lines', async () => {
    const bookmark = '{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9"}}}\n\n';
    expect(await events(bookmark, '{"type":"ERROR","object":{"code":410}}\n')).toEqual(['bookmark 9', 'error 410']);
  });

  test.each([
    ['half a line', line('a').slice(0, -5), 'in the middle of a line'],
    ['no JSON', 'hello\n', 'not JSON'],
    ['an event of an unknown type', '{"type":"PATCHED","object":{}}\n', 'no watch event'],
    ['an object without a version', '{"type":"ADDED","object":{"metadata":{"name":"a"}}}\n', 'no watch event'],
    ['null', 'null\n', 'no watch event'],
  ])('%s is an error', async (_title, text, message) => {
    await expect(events(text)).rejects.toThrow(message);
  });
});
