import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { imageFingerprint, imageInputs } from './imageInputs.ts';

let root = '';
const write = (path: string, content: string): void => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
};

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'image-inputs-'));
  for (const path of ['Dockerfile', '.dockerignore', 'package.json', 'package-lock.json', '.npmrc', 'tsconfig.json']) {
    write(path, path);
  }
  write('scripts/build.ts', '1');
  write('scripts/imageRoot.ts', '1');
  write('src/main.ts', '1');
  write('src/kube/client.ts', '1');
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('imageFingerprint', () => {
  it('is the same for the same inputs', () => {
    expect(imageFingerprint(root)).toBe(imageFingerprint(root));
  });

  it.each(['src/kube/client.ts', 'src/added.ts', 'scripts/build.ts', 'Dockerfile', 'package-lock.json'])(
    'changes with %s',
    (path) => {
      const before = imageFingerprint(root);
      write(path, '2');
      expect(imageFingerprint(root)).not.toBe(before);
    },
  );

  it.each(['src/kube/client.test.ts', 'scripts/check.ts', 'README.md'])('does not change with %s', (path) => {
    const before = imageFingerprint(root);
    write(path, '2');
    expect(imageFingerprint(root)).toBe(before);
    expect(imageInputs(root)).not.toContain(path);
  });

  it('tells a moved boundary between two files', () => {
    write('src/a.ts', 'xy');
    write('src/b.ts', 'z');
    const before = imageFingerprint(root);
    write('src/a.ts', 'x');
    write('src/b.ts', 'yz');
    expect(imageFingerprint(root)).not.toBe(before);
  });

  it('changes with what else it is told', () => {
    expect(imageFingerprint(root, ['24.1.0'])).not.toBe(imageFingerprint(root, ['24.2.0']));
  });
});
