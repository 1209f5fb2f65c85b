import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

/* The directions of imports in docs/architecture.md, as `.oxlintrc.json` has them: what it refuses and what it allows. */

const refused = [
  ['src/api/a.ts', '../contract/index.ts'],
  ['src/api/b.ts', '../kube/index.ts'],
  ['src/api/c.ts', 'node:fs'],
  ['src/contract/a.ts', '../gate/step.ts'],
  ['src/contract/b.ts', '../safety/index.ts'],
  ['src/contract/c.ts', '../runtime/clock.ts'],
  ['src/contract/d.ts', 'node:timers/promises'],
  ['src/gate/a.ts', '../contract/raise.ts'],
  ['src/gate/b.ts', '../safety/index.ts'],
  ['src/gate/c.ts', '../gateParts.ts'],
  ['src/gate/testing/a.ts', '../../kube/store.ts'],
  ['src/safety/a.ts', '../gate/views.ts'],
  ['src/safety/rules/a.ts', '../../contract/hashes.ts'],
  ['src/safety/b.ts', '../cli/report.ts'],
  ['src/kube/a.ts', '../contract/index.ts'],
  ['src/kube/b.ts', '../api/index.ts'],
  ['src/kube/c.ts', '../../e2e/cluster/index.ts'],
  ['src/kube/d.ts', '../operator.ts'],
  ['src/runtime/a.ts', '../safety/index.ts'],
  ['src/runtime/b.ts', '../cli/run.ts'],
  ['src/runtime/c.test.ts', '../../e2e/cluster/index.ts'],
  ['src/webhooks/a.ts', '../controllers/gate/owners.ts'],
  ['src/webhooks/b.ts', '../warningParts.ts'],
  ['src/webhooks/certificates/a.ts', '../../main.ts'],
  ['src/webhooks/c.ts', '../../e2e/api/harness.ts'],
  ['src/controllers/enforce/a.ts', '../gate/index.ts'],
  ['src/controllers/gate/a.ts', '../enforce/index.ts'],
  ['src/controllers/enforce/b.test.ts', '../gate/gateFakes.ts'],
  ['src/controllers/gate/b.ts', '../../webhooks/gate.ts'],
  ['src/controllers/gate/c.ts', '../../gateInformers.ts'],
  ['src/controllers/gate/d.ts', '../../cli/run.ts'],
  ['src/controllers/gate/e.test.ts', '../../../e2e/api/harness.ts'],
  ['src/controllers/gate/f.api.test.ts', '../../../bench/scale.ts'],
  ['src/cli/a.ts', '../contract/index.ts'],
  ['src/cli/b.ts', '../gate/step.ts'],
  ['src/cli/c.ts', '../runtime/index.ts'],
  ['src/cli/d.ts', '../main.ts'],
  ['src/a.ts', '../e2e/dev.ts'],
  ['src/b.ts', './cli/run.ts'],
  ['src/c.ts', './main.ts'],
] as const;

const allowed = [
  ['src/api/z.ts', './json.ts'],
  ['src/contract/z.ts', '../api/index.ts'],
  ['src/gate/z.ts', '../contract/index.ts'],
  ['src/gate/testing/z.ts', '../step.ts'],
  ['src/safety/rules/z.ts', '../../contract/index.ts'],
  ['src/safety/z.ts', './rules/probes.ts'],
  ['src/kube/z.ts', '../api/kubernetes.ts'],
  ['src/kube/y.ts', '../runtime/clock.ts'],
  ['src/kube/z.api.test.ts', '../../e2e/cluster/index.ts'],
  ['src/runtime/z.ts', '../kube/index.ts'],
  ['src/webhooks/z.ts', '../safety/index.ts'],
  ['src/webhooks/y.ts', './gate.ts'],
  ['src/controllers/enforce/z.ts', '../../gate/views.ts'],
  ['src/controllers/gate/z.ts', './act.ts'],
  ['src/controllers/gate/y.test.ts', '../../webhooks/certificates/index.ts'],
  ['src/controllers/gate/z.api.test.ts', '../../../e2e/api/harness.ts'],
  ['src/cli/z.ts', '../safety/index.ts'],
  ['src/cli/y.ts', '../version.ts'],
  ['src/z.ts', './controllers/gate/index.ts'],
] as const;

const project = resolve(import.meta.dirname, '..');
let folder = '';
/** Files of the temporary project whose import oxlint refuses. */
let complaints: ReadonlySet<string>;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'import-directions-'));
  copyFileSync(join(project, '.oxlintrc.json'), join(folder, '.oxlintrc.json'));
  for (const [file, from] of [...refused, ...allowed]) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), `import '${from}';\n`);
  }
  writeFileSync(join(folder, 'src/api/again.ts'), "export { step } from '../gate/step.ts';\n");
  const lint = spawnSync(join(project, 'node_modules/.bin/oxlint'), ['--format=json'], {
    cwd: folder,
    encoding: 'utf8',
  });
  const { diagnostics } = JSON.parse(lint.stdout) as { diagnostics: { code: string; filename: string }[] };
  complaints = new Set(
    diagnostics.filter(({ code }) => code.includes('no-restricted-imports')).map(({ filename }) => filename),
  );
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each(refused)('%s may not import %s', (file) => {
  expect(complaints).toContain(file);
});

test.each(allowed)('%s may import %s', (file) => {
  expect(complaints).not.toContain(file);
});

test('passing on what another module exports is importing it', () => {
  expect(complaints).toContain('src/api/again.ts');
});
