import type { Change, GracefulRolloutSpec } from '../api/index.ts';
import { isJsonObject } from '../api/json.ts';
import type { Container, Deployment, Probe } from '../api/kubernetes.ts';
import { withRecordRestored } from './authorIntent.ts';
import { sameJson } from './canonicalJson.ts';
import { API_DEFAULT_GRACE_SECONDS, type RecordedField, recordedFields } from './contractFields.ts';
import { type FieldPath, valueAt } from './fieldPath.ts';
import { raised } from './raise.ts';
import { graceBudget } from './resolve.ts';

/**
 * An author's change of the template while no Service selects the pods (blue/green: the colour that is not in use): what
 * is in force in the pod template stays where the author leaves it alone, for the containers that still exist; nothing
 * new is asked. The next switch would otherwise send requests to pods without a contract.
 */
export function withPodContractKept(
  intent: Deployment,
  oldObject: Deployment,
  oldRecord: readonly Change[],
  spec: GracefulRolloutSpec,
): Deployment {
  const inForce = oldRecord.filter((change) => {
    const fields = recordedFields([change]);
    return fields.length > 0 && fields.every((field) => isInForce(field, oldObject) && fits(field, intent));
  });
  const kept = withRecordRestored(intent, inForce);
  const keepsHook = recordedFields(inForce).some(({ kind, path, to }) => {
    return kind === 'preStop' && sameJson(valueAt(kept, path), to);
  });
  if (!keepsHook) return kept;
  // An author's own grace period that held until now may have become shorter than the sleep that stays.
  const oldGraceSeconds = oldObject.spec.template.spec.terminationGracePeriodSeconds ?? API_DEFAULT_GRACE_SECONDS;
  const gracePeriodSeconds = Math.min(oldGraceSeconds, graceBudget(spec, kept).graceSeconds);
  return raised(kept, { gracePeriodSeconds, containers: [] });
}

function isInForce({ path, to }: RecordedField, oldObject: Deployment): boolean {
  return path[1] === 'template' && to !== undefined && sameJson(valueAt(oldObject, path), to);
}

/** A container that became an ordinary init container may have no hook, and a port that went no probe. */
function fits({ kind, path, to }: RecordedField, intent: Deployment): boolean {
  if (kind === 'gracePeriod') return true;
  const container = containerAt(intent, path);
  if (container === undefined) return false;
  if (path[3] === 'initContainers' && container.restartPolicy !== 'Always') return false;
  if (kind !== 'readinessProbe' || !isJsonObject(to)) return true;
  const { httpGet, tcpSocket } = to as Partial<Probe>;
  const port = httpGet?.port ?? tcpSocket?.port;
  return typeof port !== 'string' || container.ports?.some(({ name }) => name === port) === true;
}

function containerAt({ spec }: Deployment, path: FieldPath): Container | undefined {
  const step = path.find((part) => typeof part === 'object');
  const { containers, initContainers = [] } = spec.template.spec;
  return (path[3] === 'initContainers' ? initContainers : containers).find(({ name }) => name === step?.name);
}
