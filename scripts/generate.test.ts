import { globSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { CONDITION_TYPES, EVENTS, FINDINGS, METRICS, REASONS } from '../src/api/index.ts';
import { generated } from './generate.ts';

test.each(generated.map((file) => [file.path, file] as const))(
  '%s is what the source generates',
  async (path, file) => {
    expect(readFileSync(path, 'utf8')).toBe(await file.content());
  },
);

/** The program without its tests and without the registry itself. */
const source = globSync('src/{contract,controllers,webhooks}/**/*.ts')
  .concat('src/operator.ts', 'src/gateParts.ts', 'src/warningParts.ts')
  .filter((path) => !path.endsWith('.test.ts'))
  .map((path) => readFileSync(path, 'utf8'))
  .join('\n');

describe('what the reference pages name, the program uses', () => {
  test.each([
    ['condition type', CONDITION_TYPES],
    ['reason', REASONS],
    ['event', EVENTS],
    ['finding', FINDINGS],
    ['metric', METRICS],
  ])('%s', (_what, entries) => {
    expect(Object.keys(entries).filter((name) => !source.includes(`'${name}'`))).toEqual([]);
  });
});

test('every finding that src/contract makes is in the registry', () => {
  const made = [...source.matchAll(/finding\(\s*'(\w+)'/g)].map(([, code]) => code ?? '');
  expect(made.length).toBeGreaterThan(10);
  expect(made.filter((code) => !Object.hasOwn(FINDINGS, code))).toEqual([]);
});
