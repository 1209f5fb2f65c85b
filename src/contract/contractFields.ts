import type { Change } from '../api/index.ts';
import { isJsonObject } from '../api/json.ts';
import type { Container, Deployment, IntOrString } from '../api/kubernetes.ts';
import { canonicalJson, sameJson } from './canonicalJson.ts';
import { type FieldPath, formatPath, highestAbsent, parsePath, type Step, valueAt } from './fieldPath.ts';

/** What the contract may touch, and nothing else. `preStop` and `readinessProbe` are set or absent, never mixed. */
export type FieldKind =
  | 'gracePeriod'
  | 'preStop'
  | 'readinessProbe'
  | 'minReadySeconds'
  | 'maxUnavailable'
  | 'maxSurge';

export interface ContractField {
  readonly kind: FieldKind;
  readonly path: FieldPath;
}

/** A change read back: which field, what was there before (undefined = absent), what was set, and from where on down. */
export interface RecordedField extends ContractField {
  /** The highest object that did not exist before: giving back removes it again when it is left empty. */
  readonly root: FieldPath;
  readonly from: unknown;
  readonly to: unknown;
}

/** The values that the API server fills in (k8s.io/kubernetes pkg/apis/{core,apps}/v1/defaults.go). */
export const API_DEFAULT_GRACE_SECONDS = 30;
export const API_DEFAULT_PROGRESS_DEADLINE_SECONDS = 600;
export const API_DEFAULT_ROLLING_SHARE = '25%';

/** What an unwritten field becomes; hooks and probes stay absent. */
export const API_DEFAULTS: Readonly<Partial<Record<FieldKind, IntOrString>>> = {
  gracePeriod: API_DEFAULT_GRACE_SECONDS,
  minReadySeconds: 0,
  maxUnavailable: API_DEFAULT_ROLLING_SHARE,
  maxSurge: API_DEFAULT_ROLLING_SHARE,
};

const podSpec = ['spec', 'template', 'spec'] as const;
const rollingUpdate = ['spec', 'strategy', 'rollingUpdate'] as const;

export const GRACE_PATH: FieldPath = [...podSpec, 'terminationGracePeriodSeconds'];
export const MIN_READY_PATH: FieldPath = ['spec', 'minReadySeconds'];
export const MAX_UNAVAILABLE_PATH: FieldPath = [...rollingUpdate, 'maxUnavailable'];
export const MAX_SURGE_PATH: FieldPath = [...rollingUpdate, 'maxSurge'];

export function containerPath(name: string, init: boolean, ...below: Step[]): FieldPath {
  return [...podSpec, init ? 'initContainers' : 'containers', { name }, ...below];
}

/** Every field of this Deployment that the contract may touch, in the order in which changes are listed. */
export function contractFields(deployment: Deployment): ContractField[] {
  const { containers, initContainers } = deployment.spec.template.spec;
  const ofContainers = (list: readonly Container[] | undefined, init: boolean): ContractField[] =>
    (list ?? []).flatMap(({ name }): ContractField[] => [
      { kind: 'preStop', path: containerPath(name, init, 'lifecycle', 'preStop') },
      { kind: 'readinessProbe', path: containerPath(name, init, 'readinessProbe') },
    ]);
  return [
    { kind: 'gracePeriod', path: GRACE_PATH },
    ...ofContainers(containers, false),
    ...ofContainers(initContainers, true),
    { kind: 'maxUnavailable', path: MAX_UNAVAILABLE_PATH },
    { kind: 'maxSurge', path: MAX_SURGE_PATH },
    { kind: 'minReadySeconds', path: MIN_READY_PATH },
  ];
}

/** What differs between the two in the fields of the contract; a `to` of JSON null means "absent again". */
export function changesBetween(before: Deployment, after: Deployment): Change[] {
  const changes = new Map<string, Change>();
  for (const { path } of contractFields(after)) {
    const was = valueAt(before, path);
    if (sameJson(was, valueAt(after, path))) continue;
    const root = was === undefined ? highestAbsent(before, path) : path;
    const text = formatPath(root);
    changes.set(text, {
      path: text,
      from: was === undefined ? null : canonicalJson(was),
      to: canonicalJson(valueAt(after, root) ?? null),
    });
  }
  return [...changes.values()];
}

const knownPath =
  /^spec\.(?:minReadySeconds|strategy(?:\.rollingUpdate(?:\.(?:maxUnavailable|maxSurge))?)?|template\.spec\.(?:terminationGracePeriodSeconds|(?:containers|initContainers)\[[a-z0-9-]{1,63}\]\.(?:lifecycle(?:\.preStop)?|readinessProbe)))$/;

/** The changes as fields; entries that name anything else, or hold no JSON, are passed over. */
export function recordedFields(changes: readonly Change[]): RecordedField[] {
  return changes.flatMap(({ path, from, to }): RecordedField[] => {
    if (!knownPath.test(path)) return [];
    const root = parsePath(path);
    const before = from === null ? null : parseJson(from);
    const after = parseJson(to);
    if (before === undefined || after === undefined) return [];
    const set = after ?? undefined;
    const leaf = root.at(-1);
    if (leaf === 'lifecycle' || leaf === 'strategy' || leaf === 'rollingUpdate') {
      // An object that did not exist before holds only what was set in it.
      const below: FieldPath[] =
        leaf === 'lifecycle'
          ? [['preStop']]
          : ['maxUnavailable', 'maxSurge'].map((name) => (leaf === 'strategy' ? ['rollingUpdate', name] : [name]));
      return below.flatMap((steps) => {
        const inside = valueAt(set, steps);
        return inside === undefined ? [] : [fieldAt([...root, ...steps], root, undefined, inside)].filter(isPlausible);
      });
    }
    return [fieldAt(root, root, before ?? undefined, set)].filter(isPlausible);
  });
}

/** Values of the right type only: a record is an annotation, anybody who may edit the Deployment can write it. */
function isPlausible({ kind, from, to }: RecordedField): boolean {
  const fits = (value: unknown): boolean => {
    if (value === undefined) return true;
    if (kind === 'preStop' || kind === 'readinessProbe') return isJsonObject(value);
    if (kind === 'gracePeriod' || kind === 'minReadySeconds') return Number.isSafeInteger(value) && Number(value) >= 0;
    return typeof value === 'string' || (Number.isSafeInteger(value) && Number(value) >= 0);
  };
  return fits(from) && fits(to) && !(from === undefined && to === undefined);
}

function fieldAt(path: FieldPath, root: FieldPath, from: unknown, to: unknown): RecordedField {
  const leaf = path.at(-1);
  const kind = leaf === 'terminationGracePeriodSeconds' ? 'gracePeriod' : (leaf as FieldKind);
  return { kind, path, root, from, to };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const handlerNames = ['exec', 'httpGet', 'tcpSocket', 'sleep', 'grpc'] as const;

/** The handlers of a preStop hook or a probe; the API server admits exactly one. */
export function handlersOf(value: unknown): string[] {
  return isJsonObject(value) ? handlerNames.filter((name) => value[name] !== undefined) : [];
}
