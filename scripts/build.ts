import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';

/**
 * Bundles the operator into one file: `node scripts/build.ts [--entry src/main.ts] [--outfile dist/operator.mjs]`.
 *
 * The image holds Node and this file, nothing else. The code stays readable (not minified), so that a stack trace
 * from a cluster names real functions; the version of package.json becomes `GRACEFUL_ROLLOUT_VERSION` (src/version.ts).
 */
const { values } = parseArgs({
  options: {
    entry: { type: 'string', default: 'src/main.ts' },
    outfile: { type: 'string', default: 'dist/operator.mjs' },
  },
});

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const startedMs = Date.now();
const result = await build({
  entryPoints: [values.entry],
  outfile: values.outfile,
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  keepNames: true,
  legalComments: 'none',
  // 16 of 21 MB, and only loaded for a kubeconfig that names a credential plugin: a program that the image has not either.
  // Beside a node_modules it is found as ever.
  external: ['@kubernetes/client-node'],
  // CommonJS dependencies call require() for Node's own modules; an ES module has none unless it makes one.
  banner: {
    js: "import { createRequire as createRequireForBundle } from 'node:module';\nconst require = createRequireForBundle(import.meta.url);",
  },
  define: { GRACEFUL_ROLLOUT_VERSION: JSON.stringify(version) },
  metafile: true,
  logLevel: 'warning',
});

const bytes = Object.values(result.metafile.outputs).reduce((sum, output) => sum + output.bytes, 0);
const modules = Object.keys(result.metafile.inputs).length;
console.log(
  `${values.outfile}: version ${version}, ${modules} modules, ${(bytes / 1024).toFixed(0)} KiB, ${Date.now() - startedMs} ms`,
);
