import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Deployment } from '../../src/api/kubernetes.ts';
import type { ApiHarness, CommandResult } from './harness.ts';

/** A change that an author makes to a manifest (or, in `kubectl edit`, to what the editor shows). */
export type Edit = (deployment: Deployment) => Deployment;

/** One of the ways in which people and tools bring a manifest to the API server. */
export interface Way {
  readonly name: string;
  /** Creates or updates; `edit` is the change since the manifest that was written last. */
  write(manifest: Deployment, edit: Edit | undefined): Promise<CommandResult>;
  /** The manifest of the tool is not what decides: `edit` works on the live object. */
  readonly editsLive?: boolean;
  close(): void;
}

const nothing = (): void => undefined;

/** Client-side apply: a three-way merge with the last-applied annotation. */
export function kubectlApply(harness: ApiHarness): Way {
  const write = (manifest: Deployment) => harness.kubectl(['apply', '-f', '-'], { input: JSON.stringify(manifest) });
  return { name: 'kubectl apply', write, close: nothing };
}

/** Server-side apply, without force: a conflict would be an error. */
export function serverSideApply(harness: ApiHarness): Way {
  const write = (manifest: Deployment) =>
    harness.kubectl(['apply', '--server-side', '-f', '-'], { input: JSON.stringify(manifest) });
  return { name: 'kubectl apply --server-side', write, close: nothing };
}

/** `kubectl create`, then `kubectl replace`: what the manifest does not name goes. */
export function kubectlReplace(harness: ApiHarness): Way {
  let exists = false;
  const write = async (manifest: Deployment): Promise<CommandResult> => {
    const result = await harness.kubectl([exists ? 'replace' : 'create', '-f', '-'], {
      input: JSON.stringify(manifest),
    });
    exists = true;
    return result;
  };
  return { name: 'kubectl replace', write, close: nothing };
}

/** The real `kubectl edit` with an editor that is a program: it sends the difference as a strategic merge patch. */
export function kubectlEdit(harness: ApiHarness): Way {
  const folder = mkdtempSync(path.join(tmpdir(), 'graceful-rollout-edit-'));
  let exists = false;
  const write = async (manifest: Deployment, edit: Edit | undefined): Promise<CommandResult> => {
    if (!exists) {
      exists = true;
      return harness.kubectl(['create', '-f', '-'], { input: JSON.stringify(manifest) });
    }
    const { namespace = '', name = '' } = manifest.metadata;
    const shown = await harness.kubectl(['get', 'deployment', name, '-n', namespace, '-o', 'json']);
    const live = JSON.parse(shown.stdout) as Deployment;
    const edited = path.join(folder, 'edited.json');
    writeFileSync(edited, JSON.stringify(edit === undefined ? live : edit(live)));
    const editor = path.join(folder, 'editor.sh');
    writeFileSync(editor, `#!/bin/sh\ncat ${edited} > "$1"\n`, { mode: 0o700 });
    return harness.run('env', [
      `KUBE_EDITOR=${editor}`,
      harness.controlPlane.kubectl,
      ...['edit', 'deployment', name, '-n', namespace, '-o', 'json'],
    ]);
  };
  return {
    name: 'kubectl edit',
    write,
    editsLive: true,
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** A chart with one template that is the manifest. Helm 3 sends three-way strategic merges, Helm 4 applies server-side. */
export function helm(harness: ApiHarness, program: string, name: string): Way {
  const folder = mkdtempSync(path.join(tmpdir(), 'graceful-rollout-helm-'));
  mkdirSync(path.join(folder, 'templates'));
  writeFileSync(path.join(folder, 'Chart.yaml'), 'apiVersion: v2\nname: author\nversion: 0.1.0\n');
  const write = (manifest: Deployment): Promise<CommandResult> => {
    // JSON is YAML; braces that would be template actions do not occur in these manifests.
    writeFileSync(path.join(folder, 'templates/deployment.yaml'), JSON.stringify(manifest, null, 1));
    const release = ['upgrade', '--install', 'author', folder, '-n', manifest.metadata.namespace ?? ''];
    return harness.run(program, release);
  };
  return { name, write, close: () => rmSync(folder, { recursive: true, force: true }) };
}
