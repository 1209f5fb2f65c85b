import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';

/** What the image is built from; `.dockerignore` lets in the same. */
const inputs = ['Dockerfile', '.dockerignore', 'package.json', 'package-lock.json', '.npmrc', 'tsconfig.json'];
const folders = ['scripts', 'src'];
const buildScripts = ['scripts/build.ts', 'scripts/imageRoot.ts'];

/** Files that the image is built from, relative to `root`, sorted. Tests are not among them. */
export function imageInputs(root: string): string[] {
  const found = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(root, join(entry.parentPath, entry.name))),
  );
  const source = found.filter((path) =>
    path.startsWith('src/') ? !path.endsWith('.test.ts') : buildScripts.includes(path),
  );
  return [...inputs, ...source].sort();
}

/** Identity of what would be built: hash of the names, modes and contents of the inputs, and of `more`. */
export function imageFingerprint(root: string, more: readonly string[] = []): string {
  const hash = createHash('sha256');
  for (const path of imageInputs(root)) {
    const file = join(root, path);
    hash.update(`${path}\0${statSync(file).mode.toString(8)}\0${statSync(file).size}\0`).update(readFileSync(file));
  }
  for (const each of more) hash.update(`\0${each}`);
  return hash.digest('hex').slice(0, 16);
}
