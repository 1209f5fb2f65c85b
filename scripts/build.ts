import { chmodSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type BuildOptions, build } from 'esbuild';

/**
 * Bundles the operator and the kubectl plugin into one file each: `node scripts/build.ts`; another entry into another file:
 * `node scripts/build.ts --entry src/main.ts --outfile dist/operator.mjs`.
 *
 * The image holds Node and the operator's file, nothing else. The code stays readable (not minified), so that a stack
 * trace from a cluster names real functions; the version of package.json becomes `GRACEFUL_ROLLOUT_VERSION` (src/version.ts).
 */
const { values } = parseArgs({
  options: {
    entry: { type: 'string', default: 'src/main.ts' },
    outfile: { type: 'string' },
  },
});

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

// CommonJS dependencies call require() for Node's own modules; an ES module has none unless it makes one.
const requireBanner =
  "import { createRequire as createRequireForBundle } from 'node:module';\nconst require = createRequireForBundle(import.meta.url);";

await bundle(values.entry, values.outfile ?? 'dist/operator.mjs', {
  // 16 of 21 MB, and only loaded for a kubeconfig that names a credential plugin: a program that the image has not either.
  // Beside a node_modules it is found as ever.
  external: ['@kubernetes/client-node'],
  banner: { js: requireBanner },
});

if (values.outfile === undefined) {
  const plugin = 'dist/kubectl-graceful.mjs';
  await bundle('src/cli/main.ts', plugin, {
    // On people's machines credential plugins are the rule. Of client-node only its KubeConfig is asked for: 1 of 16 MB.
    alias: {
      '@kubernetes/client-node': fileURLToPath(
        new URL('../node_modules/@kubernetes/client-node/dist/config.js', import.meta.url),
      ),
    },
    banner: { js: `#!/usr/bin/env node\n${requireBanner}` },
  });
  chmodSync(plugin, 0o755);
}

async function bundle(entry: string, outfile: string, options: BuildOptions): Promise<void> {
  const startedMs = Date.now();
  const result = await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    keepNames: true,
    legalComments: 'none',
    define: { GRACEFUL_ROLLOUT_VERSION: JSON.stringify(version) },
    metafile: true,
    logLevel: 'warning',
    ...options,
  });
  const bytes = Object.values(result.metafile?.outputs ?? {}).reduce((sum, output) => sum + output.bytes, 0);
  const modules = Object.keys(result.metafile?.inputs ?? {}).length;
  console.log(
    `${outfile}: version ${version}, ${modules} modules, ${(bytes / 1024).toFixed(0)} KiB, ${Date.now() - startedMs} ms`,
  );
}
