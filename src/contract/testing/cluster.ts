import { ADOPT_ANNOTATION, ADOPT_REQUEST_PREFIX, type Change, type GracefulRolloutSpec } from '../../api/index.ts';
import { isJsonObject } from '../../api/json.ts';
import type { Deployment, Service } from '../../api/kubernetes.ts';
import { type AdmissionDecision, decideAdmission } from '../admission.ts';
import { sameJson } from '../canonicalJson.ts';
import { applyContract, raiseStored } from '../raise.ts';
import { withAnnotation } from '../record.ts';
import { resolveContract } from '../resolve.ts';
import { defaulted, refusals } from './apiServerRules.ts';

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** How an author's manifest reaches the API server. `helm3` is a three-way merge that leaves no trace of the manifest. */
export type Way = 'kubectl apply' | 'server-side apply' | 'helm3' | 'replace';
export const WAYS: readonly Way[] = ['kubectl apply', 'server-side apply', 'helm3', 'replace'];

/** An API server with the webhook, and what a Deployment's author does to it; throws what the API server would refuse. */
export class Cluster {
  live: Deployment | undefined;
  /** As metadata.generation: rises with spec and annotations. */
  generation = 0;
  /** Rises with the pod template. */
  rollouts = 0;
  webhookIsUp = true;
  spec: GracefulRolloutSpec | undefined;
  services: readonly Service[];
  recorded: readonly Change[] | undefined;
  lastDecision: AdmissionDecision | undefined;
  /** As the ReplicaSets keep them: each template with the annotations the Deployment had with it. */
  readonly revisions: { template: Deployment['spec']['template']; annotations: Readonly<Record<string, string>> }[] =
    [];
  private manifest: Deployment | undefined;
  private seconds = 0;

  constructor(spec: GracefulRolloutSpec | undefined, services: readonly Service[]) {
    this.spec = spec;
    this.services = services;
  }

  get stored(): Deployment {
    if (this.live === undefined) throw new Error('nothing was created yet');
    return this.live;
  }

  apply(manifest: Deployment, way: Way): AdmissionDecision {
    const previous = this.manifest;
    const { live } = this;
    const merged =
      live === undefined || way === 'replace'
        ? { ...manifest, metadata: { ...manifest.metadata } }
        : (merge(live, previous, manifest) as Deployment);
    const decision = this.write(retainKeys(this.withTraces(merged, manifest, way)));
    this.manifest = manifest;
    return decision;
  }

  /** `kubectl edit`, `patch`, `scale`, an annotation by some controller. */
  edit(change: (live: Deployment) => Deployment): AdmissionDecision {
    return this.write(change(this.stored));
  }

  annotate(key: string, value: string): AdmissionDecision {
    return this.edit((live) => ({
      ...live,
      metadata: { ...live.metadata, annotations: { ...live.metadata.annotations, [key]: value } },
    }));
  }

  /** As the controller asks for the contract. */
  touch(value: string): AdmissionDecision {
    return this.annotate(ADOPT_ANNOTATION, `${ADOPT_REQUEST_PREFIX}${value}`);
  }

  label(key: string, value: string): AdmissionDecision {
    return this.edit((live) => ({
      ...live,
      metadata: { ...live.metadata, labels: { ...live.metadata.labels, [key]: value } },
    }));
  }

  /** `kubectl rollout undo`: the old template and, but for the last-applied, the old ReplicaSet's annotations. */
  undo(revision: number): AdmissionDecision {
    const { template, annotations } = this.revisions[revision] ?? {
      template: this.stored.spec.template,
      annotations: {},
    };
    return this.edit((live) => {
      const lastApplied = live.metadata.annotations?.[LAST_APPLIED];
      const { [LAST_APPLIED]: _dropped, ...kept } = annotations;
      // An Update takes what it changes from the appliers; here it takes all, so that nothing is known of the manifest.
      const { managedFields: _owners, ...metadata } = live.metadata;
      return {
        ...live,
        metadata: {
          ...metadata,
          annotations: { ...kept, ...(lastApplied === undefined ? {} : { [LAST_APPLIED]: lastApplied }) },
        },
        spec: { ...live.spec, template },
      };
    });
  }

  /** What the current contract still asks of the stored Deployment. */
  missing(): readonly Change[] {
    if (this.spec === undefined) return [];
    const { contract } = resolveContract({ spec: this.spec, deployment: this.stored, services: this.services });
    return raiseStored(this.stored, contract).changes;
  }

  /** What the author's next change of the template would bring, lower values included. */
  later(): readonly Change[] {
    if (this.spec === undefined) return [];
    const { contract } = resolveContract({ spec: this.spec, deployment: this.stored, services: this.services });
    return applyContract(this.stored, contract).changes;
  }

  private write(incoming: Deployment): AdmissionDecision {
    const object = defaulted(incoming);
    const { live } = this;
    const decision: AdmissionDecision = this.webhookIsUp
      ? decideAdmission({
          operation: live === undefined ? 'CREATE' : 'UPDATE',
          object,
          ...(live === undefined ? {} : { oldObject: live }),
          ...(this.spec === undefined ? {} : { rollout: { name: 'web', spec: this.spec } }),
          ...(this.recorded === undefined ? {} : { recorded: this.recorded }),
          services: this.services,
        })
      : { object, kind: 'Unchanged', changes: [], warnings: [], findings: [], reasserted: [] };
    const admitted = defaulted(withAnsweredTouch(decision.object));
    const problems = refusals(admitted);
    if (problems.length > 0) throw new Error(problems.join('; '));
    if (!sameJson(admitted.spec.template, live?.spec.template)) {
      this.rollouts += 1;
      this.revisions.push({ template: admitted.spec.template, annotations: admitted.metadata.annotations ?? {} });
    }
    const generational = (of: Deployment | undefined): unknown => [of?.spec, of?.metadata.annotations ?? {}];
    if (!sameJson(generational(admitted), generational(live))) this.generation += 1;
    this.live = admitted;
    this.lastDecision = decision;
    return decision;
  }

  private withTraces(merged: Deployment, manifest: Deployment, way: Way): Deployment {
    if (way === 'kubectl apply') {
      const annotations = { ...merged.metadata.annotations, [LAST_APPLIED]: JSON.stringify(manifest) };
      return { ...merged, metadata: { ...merged.metadata, annotations } };
    }
    if (way !== 'server-side apply') return merged;
    this.seconds += 1;
    const time = `2026-01-01T00:00:${String(this.seconds % 60).padStart(2, '0')}Z`;
    const entry = {
      manager: 'kubectl',
      operation: 'Apply',
      apiVersion: 'apps/v1',
      fieldsType: 'FieldsV1',
      fieldsV1: fieldsOf({ spec: manifest.spec }),
    } as const;
    const [stored] = this.live?.metadata.managedFields ?? [];
    // An apply that changes nothing keeps the time.
    const same =
      this.live !== undefined &&
      sameJson(defaulted(merged).spec, this.live.spec) &&
      sameJson(stored?.fieldsV1, entry.fieldsV1);
    return {
      ...merged,
      metadata: { ...merged.metadata, managedFields: [same && stored !== undefined ? stored : { ...entry, time }] },
    };
  }
}

/** As the webhook's handler does (src/webhooks/deployment.ts). */
function withAnsweredTouch(deployment: Deployment): Deployment {
  const touch = deployment.metadata.annotations?.[ADOPT_ANNOTATION];
  if (touch?.startsWith(ADOPT_REQUEST_PREFIX) !== true) return deployment;
  return withAnnotation(deployment, ADOPT_ANNOTATION, touch.slice(ADOPT_REQUEST_PREFIX.length));
}

/** Three-way: what the previous manifest named and this one does not goes, what this one names comes, the rest stays. */
function merge(live: unknown, previous: unknown, manifest: unknown): unknown {
  if (isNamedList(manifest) && isNamedList(live)) {
    const before = isNamedList(previous) ? previous : [];
    const find = (list: readonly Named[], name: string): Named | undefined => list.find((item) => item.name === name);
    const kept = live.filter(({ name }) => find(manifest, name) !== undefined || find(before, name) === undefined);
    // In the manifest's order, as `$setElementOrder` and server-side apply have it.
    return [
      ...manifest.map((item) => {
        const stored = find(live, item.name);
        return stored === undefined ? item : merge(stored, find(before, item.name), item);
      }),
      ...kept.filter(({ name }) => find(manifest, name) === undefined),
    ];
  }
  if (!isJsonObject(manifest) || !isJsonObject(live)) return manifest;
  const before = isJsonObject(previous) ? previous : {};
  const left = Object.entries(live).filter(([key]) => Object.hasOwn(manifest, key) || !Object.hasOwn(before, key));
  const named = Object.entries(manifest).map(([key, value]) => [key, merge(live[key], before[key], value)]);
  return { ...Object.fromEntries(left), ...Object.fromEntries(named) };
}

interface Named {
  readonly name: string;
}

function isNamedList(value: unknown): value is readonly Named[] {
  return (
    Array.isArray(value) &&
    value.every((item) => isJsonObject(item) && typeof item.name === 'string' && 'image' in item)
  );
}

/** `patchStrategy: retainKeys` of spec.strategy. */
function retainKeys(deployment: Deployment): Deployment {
  if (deployment.spec.strategy?.type !== 'Recreate') return deployment;
  return { ...deployment, spec: { ...deployment.spec, strategy: { type: 'Recreate' } } };
}

function fieldsOf(value: unknown): unknown {
  if (isNamedList(value)) {
    return Object.fromEntries(value.map((item) => [`k:${JSON.stringify({ name: item.name })}`, fieldsOf(item)]));
  }
  if (!isJsonObject(value)) return {};
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [`f:${key}`, fieldsOf(member)]));
}
