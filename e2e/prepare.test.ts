import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

/* What people call, on a machine that lacks what cannot be installed: nothing is built or installed here, whatever they do. */

const root = path.resolve(import.meta.dirname, '..');
const isRoot = process.getuid?.() === 0;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'prepare-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** Runs a program with nothing in the cache and a PATH in which there is neither apt-get nor any other program. */
function run(program: string): { code: number | null; said: string; seconds: number } {
  const startedMs = performance.now();
  const env = {
    PATH: folder,
    HOME: folder,
    TMPDIR: folder,
    NO_COLOR: '1',
    GRACEFUL_ROLLOUT_CACHE: path.join(folder, 'cache'),
    GRACEFUL_ROLLOUT_STATE: path.join(folder, 'state'),
  };
  const options = { cwd: root, env, encoding: 'utf8', timeout: 25_000 } as const;
  const { status, stderr } = spawnSync(process.execPath, program.split(' '), options);
  return { code: status, said: stderr, seconds: (performance.now() - startedMs) / 1000 };
}

const programs = ['e2e/prepare.ts', 'e2e/demo/main.ts', 'bench/main.ts loss'];

test.each(programs)('without Go %s ends at once and says so', (program) => {
  const { code, said, seconds } = run(program);
  expect(said).toMatch(
    isRoot ? /^Go is missing: .*\nInstall Go 1\.26 .*PATH/ : /^The local test cluster needs (root|Linux)/,
  );
  expect(said).not.toMatch(/^ +at /m);
  expect(code).toBe(1);
  expect(seconds).toBeLessThan(20);
});

test.each(programs)('without buildah, mmdebstrap and apt-get %s says so before it builds Kubernetes', (program) => {
  const go = path.join(folder, 'go');
  writeFileSync(go, '#!/bin/sh\n[ "$1" = version ] && echo go version go1.26.1 linux/amd64\n');
  chmodSync(go, 0o755);
  const { code, said, seconds } = run(program);
  expect(said).toMatch(
    isRoot
      ? /^Missing: .*buildah, mmdebstrap; cannot install them: there is no apt-get\.\nInstall them yourself \(Debian: apt-get install .*buildah mmdebstrap\) and run this again\.\n$/
      : /^The local test cluster needs (root|Linux)/,
  );
  expect(code).toBe(1);
  expect(seconds).toBeLessThan(20);
});
