import { readFileSync, writeFileSync } from 'node:fs';

/** A committed file that a program writes: `npm run generate` writes it, `npm run check` fails when it differs. */
export interface Generated {
  readonly path: string;
  readonly content: () => string | Promise<string>;
}

const generated: readonly Generated[] = [];

const check = process.argv.includes('--check');
let stale = 0;
for (const file of generated) {
  const wanted = await file.content();
  let found = '';
  try {
    found = readFileSync(file.path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  if (found === wanted) continue;
  if (check) {
    stale += 1;
    console.error(`${file.path} differs from what the source generates: run 'npm run generate' and commit the result`);
  } else {
    writeFileSync(file.path, wanted);
    console.log(`wrote ${file.path}`);
  }
}
process.exitCode = stale === 0 ? 0 : 1;
