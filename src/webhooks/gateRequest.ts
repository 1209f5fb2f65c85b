import { isJsonObject } from '../api/json.ts';
import type { JudgedPod, RequestFacts } from '../gate/admit.ts';
import type { PodView } from '../gate/types.ts';
import type { AdmissionRequest } from './admissionReview.ts';

/**
 * Who asks and how, of a DELETE or an eviction; what has another type than the API server's is left out. The options of
 * an eviction are in its body (policy/v1 Eviction), and with them a dry run that `request.dryRun` does not know of.
 */
export function requestFactsOf(request: AdmissionRequest): RequestFacts {
  const isEviction = request.subResource === 'eviction';
  const options = isEviction ? memberOf(request.object, 'deleteOptions') : request.options;
  const gracePeriodSeconds = memberOf(options, 'gracePeriodSeconds');
  const preconditions = memberOf(options, 'preconditions');
  const uid = memberOf(preconditions, 'uid');
  const resourceVersion = memberOf(preconditions, 'resourceVersion');
  const username = request.userInfo.username;
  const dryRun = memberOf(options, 'dryRun');
  return {
    // States keep 300 characters of a name.
    username: typeof username === 'string' ? username.slice(0, 300) : '',
    dryRun: request.dryRun === true || (Array.isArray(dryRun) && dryRun.length > 0),
    ...(typeof gracePeriodSeconds === 'number' ? { gracePeriodSeconds } : {}),
    ...(typeof uid === 'string' ? { uid } : {}),
    ...(typeof resourceVersion === 'string' ? { resourceVersion } : {}),
  };
}

/** A stored pod as it travels; undefined for everything else. */
export function judgedPodOf(object: unknown): JudgedPod | undefined {
  const metadata = memberOf(object, 'metadata');
  if (!isMetadata(metadata)) return undefined;
  const status = memberOf(object, 'status');
  const conditions = memberOf(status, 'conditions');
  const phase = memberOf(status, 'phase');
  const gracePeriodSeconds = memberOf(memberOf(object, 'spec'), 'terminationGracePeriodSeconds');
  return {
    metadata,
    ...(typeof phase === 'string' ? { phase } : {}),
    ready:
      Array.isArray(conditions) &&
      conditions.some((each) => memberOf(each, 'type') === 'Ready' && memberOf(each, 'status') === 'True'),
    gracePeriodSeconds: typeof gracePeriodSeconds === 'number' ? gracePeriodSeconds : 30,
  };
}

/** Whether the members that the gate reads have the types of ObjectMeta. */
function isMetadata(value: unknown): value is PodView['metadata'] {
  if (!isJsonObject(value)) return false;
  if (!['namespace', 'name', 'uid', 'resourceVersion'].every((name) => isText(value[name]))) return false;
  if (value['deletionTimestamp'] !== undefined && !isText(value['deletionTimestamp'])) return false;
  const { annotations, ownerReferences } = value;
  if (annotations !== undefined && !(isJsonObject(annotations) && Object.values(annotations).every(isString)))
    return false;
  return (
    ownerReferences === undefined ||
    (Array.isArray(ownerReferences) && ownerReferences.every((each) => isText(memberOf(each, 'uid'))))
  );
}

function memberOf(value: unknown, name: string): unknown {
  return isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function isString(value: unknown): value is string {
  return typeof value === 'string';
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
