import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { generated } from './generate.ts';

test.each(generated.map((file) => [file.path, file] as const))(
  '%s is what the source generates',
  async (path, file) => {
    expect(readFileSync(path, 'utf8')).toBe(await file.content());
  },
);
