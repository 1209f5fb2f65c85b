import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProxyMode } from './cluster.ts';

/** What is written down about a kind cluster, so that later commands find it. */
export interface KindState {
  name: string;
  nodes: number;
  kubernetes: string;
  proxyMode: ProxyMode;
  /** False while kind makes it: a later `up` or `down` then deletes what there is. */
  complete: boolean;
}

function parentFolder(): string {
  return join(tmpdir(), 'graceful-rollout-kind');
}

/** Folder of the state and the kubeconfig of the kind cluster of that name; makes nothing. */
export function kindFolder(name: string): string {
  return join(parentFolder(), name);
}

function stateFile(name: string): string {
  return join(kindFolder(name), 'cluster.json');
}

/** What was written down of a kind cluster, also of one that was not started to the end. */
export function readKindState(name: string): KindState | undefined {
  return existsSync(stateFile(name)) ? (JSON.parse(readFileSync(stateFile(name), 'utf8')) as KindState) : undefined;
}

/** Writes a kind cluster down; its folder is made for its user alone. */
export function writeKindState(state: KindState): void {
  mkdirSync(kindFolder(state.name), { recursive: true, mode: 0o700 });
  writeFileSync(`${stateFile(state.name)}.new`, JSON.stringify(state));
  renameSync(`${stateFile(state.name)}.new`, stateFile(state.name));
}

/** Forgets a kind cluster. */
export function removeKindState(name: string): void {
  rmSync(kindFolder(name), { recursive: true, force: true });
}

/** Names of the kind clusters that were started here and not deleted, also of those that were not started to the end. */
export function kindNames(): string[] {
  if (!existsSync(parentFolder())) return [];
  return readdirSync(parentFolder())
    .filter((name) => existsSync(stateFile(name)))
    .sort();
}
