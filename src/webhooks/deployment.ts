import type { Counter } from 'prom-client';
import type { Claim } from '../api/claim.ts';
import {
  ADOPT_ANNOTATION,
  ADOPT_REQUEST_PREFIX,
  type Change,
  CONTRACT_ANNOTATION,
  GIVE_BACK_ANNOTATION,
} from '../api/index.ts';
import { isJsonObject } from '../api/json.ts';
import type { Deployment, KubeObject, Service } from '../api/kubernetes.ts';
import { decideAdmission, electRollout } from '../contract/index.ts';
import type { Logger } from '../runtime/index.ts';
import { type AdmissionRequest, type AdmissionResponse, allow, allowAs } from './admissionReview.ts';
import type { Contest, Reassertion } from './contests.ts';

/** What the handler knows of the cluster; answered from caches, never by a call to the API server. */
export interface DeploymentAdmissionView {
  /** False until the first complete lists are there: until then every write is admitted as it is. */
  synced(): boolean;
  /** GracefulRollouts that name this Deployment. */
  claimsOf(namespace: string, deployment: string): readonly Claim[];
  servicesIn(namespace: string): readonly Service[];
}

export interface DeploymentWebhookOptions {
  readonly view: DeploymentAdmissionView;
  /** Hears of a writer that insists on a value which was raised; never for a dry run. */
  readonly onContest: (claim: Claim, contest: Contest) => void;
  readonly note: (reassertion: Reassertion) => Contest | undefined;
  readonly decisions: Counter<'webhook' | 'decision'>;
  readonly contested: Counter<'namespace' | 'deployment'>;
  readonly log: Logger;
}

const webhook = 'mutate-deployments';

/**
 * `/mutate-deployments`: completes the pod template of a target in its author's own write (design.md §4). Reads caches
 * only; the one thing it may cause elsewhere is a report about a contest, and not on a dry run (`NoneOnDryRun`).
 */
export function deploymentWebhook(options: DeploymentWebhookOptions) {
  const { view, decisions, log } = options;
  return (request: AdmissionRequest): AdmissionResponse => {
    const name = request.name ?? '';
    const namespace = request.namespace ?? '';
    const admitted = (decision: string): AdmissionResponse => {
      decisions.inc({ webhook, decision });
      return allow(request);
    };
    const { operation } = request;
    const object = deploymentOf(request, request.object);
    if ((operation !== 'CREATE' && operation !== 'UPDATE') || object === undefined) return admitted('NotADeployment');
    if (!view.synced()) return admitted('NotSynced');

    const oldObject = deploymentOf(request, request.oldObject);
    const claims = view.claimsOf(namespace, name).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    const claim = electRollout(claims.filter(({ spec }) => spec !== undefined)).winner;
    // One that cannot be read (of a newer version) is no wish to have everything given back: what is there stays.
    if (claim === undefined && claims.length > 0) return admitted('Unreadable');
    if (claim === undefined && !isOurs(object) && !isOurs(oldObject)) return admitted('NoRollout');
    // A deletion in progress (finalizers being taken off) is no rollout to protect.
    if (object.metadata.deletionTimestamp !== undefined) return admitted('Terminating');

    const decision = decideAdmission({
      operation,
      object,
      ...(oldObject === undefined ? {} : { oldObject }),
      ...(claim?.spec === undefined ? {} : { rollout: { name: claim.metadata.name ?? '', spec: claim.spec } }),
      services: view.servicesIn(namespace),
      ...recordedOf(claim, oldObject),
    });
    decisions.inc({ webhook, decision: decision.kind });
    // A write without our record (kubectl replace) is a whole manifest: what it leaves out, it does not insist on.
    if (
      request.dryRun !== true &&
      claim !== undefined &&
      object.metadata.annotations?.[CONTRACT_ANNOTATION] !== undefined
    ) {
      const writer = request.userInfo.username ?? '';
      if (decision.reasserted.length > 0) options.contested.inc({ namespace, deployment: name });
      for (const { path, from } of decision.reasserted) {
        const contest = options.note({ namespace, deployment: name, field: path, writer, value: from ?? 'null' });
        if (contest !== undefined) options.onContest(claim, contest);
      }
    }
    if (decision.kind !== 'Unchanged') {
      log.debug('completed a Deployment in its own write', {
        namespace,
        name,
        decision: decision.kind,
        changes: decision.changes.map(({ path }) => path),
        dryRun: request.dryRun === true,
      });
    }
    return allowAs(request, answered(decision.object, decision.contractHash), {
      warnings: decision.warnings,
      auditAnnotations: { decision: decision.kind },
    });
  };
}

/** The status speaks of the Deployment it was written for, not of another one made later under its name. */
function recordedOf(
  claim: Claim | undefined,
  stored: Deployment | undefined,
): { readonly recorded?: readonly Change[] } {
  const { changes, target } = claim?.status ?? {};
  return changes === undefined || target?.uid !== stored?.metadata.uid ? {} : { recorded: changes };
}

/** Tells the controller that its touch passed here, and with which contract it was answered: see `ADOPT_REQUEST_PREFIX`. */
function answered(object: Deployment, contractHash: string | undefined): Deployment {
  const touch = object.metadata.annotations?.[ADOPT_ANNOTATION];
  if (contractHash === undefined || touch?.startsWith(ADOPT_REQUEST_PREFIX) !== true) return object;
  const annotations = {
    ...object.metadata.annotations,
    [ADOPT_ANNOTATION]: `${contractHash}.${touch.split('.').at(-1)}`,
  };
  return { ...object, metadata: { ...object.metadata, annotations } };
}

/** The API server has checked it against its schema: what is looked at here is whether it is of that schema. */
function deploymentOf({ resource, subResource }: AdmissionRequest, object: unknown): Deployment | undefined {
  if (resource.group !== 'apps' || resource.resource !== 'deployments' || (subResource ?? '') !== '') return undefined;
  return isDeployment(object) ? object : undefined;
}

function isDeployment(object: unknown): object is Deployment {
  if (!isJsonObject(object) || !isJsonObject(object['metadata']) || !isJsonObject(object['spec'])) return false;
  const { template } = object['spec'];
  return isJsonObject(template) && isJsonObject(template['spec']) && Array.isArray(template['spec']['containers']);
}

/** Whether the operator ever left something on it, or is asked to take it back. */
function isOurs(object: KubeObject | undefined): boolean {
  const annotations = object?.metadata?.annotations;
  if (annotations === undefined) return false;
  return [CONTRACT_ANNOTATION, ADOPT_ANNOTATION, GIVE_BACK_ANNOTATION].some((key) => annotations[key] !== undefined);
}
