import {
  type Context,
  type ContextKind,
  contextOf,
  type Finding,
  judge,
  type Level,
  type Workload,
  workloadOf,
} from '../safety/index.ts';
import { fieldPath } from './fieldPath.ts';
import { type Manifest, positionIn } from './manifests.ts';
import type { Position } from './parseDocument.ts';

/** A finding with the place in the input where a reader should look. */
export interface LocatedFinding {
  readonly finding: Finding;
  readonly manifest: Manifest;
  readonly position: Position;
}

export interface Judged {
  /** Objects that carry a pod template. */
  readonly workloads: number;
  /** In the order of the input; those of one object worst first. */
  readonly findings: readonly LocatedFinding[];
}

export interface JudgeManifestsOptions {
  readonly level: Level;
  readonly nowMs: number;
  /** Kinds of which the input holds all there are: without one, there is none. */
  readonly complete: readonly ContextKind[];
}

/** Judges every workload of the input, with everything else in the input as what is known of its namespace. */
export function judgeManifests(manifests: readonly Manifest[], options: JudgeManifestsOptions): Judged {
  const contextFor = contexts(manifests, options.complete);
  let workloads = 0;
  const findings: LocatedFinding[] = [];
  for (const manifest of manifests) {
    const workload: Workload | undefined = workloadOf(manifest.object);
    if (workload === undefined) continue;
    workloads += 1;
    for (const finding of judge(workload, contextFor(workload.namespace), options)) {
      const position = positionIn(manifest, fieldPath(manifest.object, finding.field));
      findings.push({ finding, manifest, position });
    }
  }
  return { workloads, findings };
}

/** One context per namespace; an object that names no namespace may be of any. */
function contexts(manifests: readonly Manifest[], complete: readonly ContextKind[]) {
  const byNamespace = new Map<string | undefined, unknown[]>();
  for (const { object } of manifests) {
    const namespace = namespaceOf(object);
    const known = byNamespace.get(namespace);
    if (known === undefined) byNamespace.set(namespace, [object]);
    else known.push(object);
  }
  const made = new Map<string | undefined, Context>();
  return (namespace: string | undefined): Context => {
    const known = made.get(namespace);
    if (known !== undefined) return known;
    const own = namespace === undefined ? [] : (byNamespace.get(namespace) ?? []);
    const objects =
      namespace === undefined ? manifests.map(({ object }) => object) : [...own, ...(byNamespace.get(undefined) ?? [])];
    const context = contextOf(objects, { namespace, complete });
    made.set(namespace, context);
    return context;
  };
}

function namespaceOf(object: Manifest['object']): string | undefined {
  const metadata = object['metadata'];
  if (typeof metadata !== 'object' || metadata === null || !('namespace' in metadata)) return undefined;
  return typeof metadata.namespace === 'string' ? metadata.namespace : undefined;
}
