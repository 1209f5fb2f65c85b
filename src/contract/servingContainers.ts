import type { Finding } from '../api/index.ts';
import type { Container, Deployment, PodSpec, Service, ServicePort } from '../api/kubernetes.ts';
import { matchesServiceSelector } from '../api/labelSelector.ts';
import { cappedByCode, finding, namesOf } from './findings.ts';

/** A container of a template and where it is listed. */
export interface TemplateContainer {
  readonly container: Container;
  /** A native sidecar (KEP-753): an init container with restartPolicy Always. */
  readonly init: boolean;
}

/** The containers that run as long as the pod does: the regular ones, then the native sidecars. */
export function longRunning(podSpec: PodSpec): TemplateContainer[] {
  const regular = podSpec.containers.map((container) => ({ container, init: false }));
  const sidecars = (podSpec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  return [...regular, ...sidecars.map((container) => ({ container, init: true }))];
}

/**
 * Whether a Service sends to the pods of this Deployment. A Service without a selector selects nothing by itself, one of
 * type ExternalName has no endpoints (pkg/controller/endpointslice).
 */
export function selects(service: Service, deployment: Deployment): boolean {
  const { selector, type } = service.spec;
  const labels = deployment.spec.template.metadata?.labels ?? {};
  const namespaces = [service.metadata.namespace, deployment.metadata.namespace];
  return (
    type !== 'ExternalName' &&
    (namespaces.includes(undefined) || namespaces[0] === namespaces[1]) &&
    matchesServiceSelector(selector, labels)
  );
}

/**
 * The containers, of those that run long, that own a port which one of the (selecting) Services targets. Ports need not be declared in
 * Kubernetes: for a number that no container declares the serving container is inferred, and a finding says so.
 */
export function servingContainers(
  all: readonly TemplateContainer[],
  selecting: readonly Service[],
  preferred: string | undefined,
): { serving: TemplateContainer[]; findings: Finding[] } {
  const index = portIndex(all);
  const guess = inferred(all, preferred);
  const guessed = namesOf(guess.map(({ container }) => container.name));
  const serving = new Set<TemplateContainer>();
  let guessIsUsed = false;
  const findings = new Map<string, Finding>();
  for (const service of selecting) {
    const name = service.metadata.name ?? '';
    const ports = service.spec.ports ?? [];
    // A headless Service may have no ports: its clients come to whatever port they know.
    if (ports.length === 0) guessIsUsed = true;
    for (const port of ports) {
      const target = targetOf(port, index);
      if (target.kind === 'nameNotFound') {
        const message = `Service ${name} sends to the port named ${target.name} (${port.protocol ?? 'TCP'}), which no container has`;
        const remedy = 'name the port in the container, or correct targetPort in the Service';
        findings.set(message, finding('PortNameNotFound', 'warning', message, { field: portsField, remedy }));
        continue;
      }
      if (target.owners.length > 0) {
        for (const owner of target.owners) serving.add(owner);
        continue;
      }
      guessIsUsed = true;
      const message = `Service ${name} sends to port ${target.number}, which no container declares; taken to serve: ${guessed}`;
      const remedy =
        'declare the port in the container that serves, or name that container in spec.readiness.container';
      const severity = guess.length > 1 ? 'warning' : 'info';
      findings.set(message, finding('PortNotDeclared', severity, message, { field: portsField, remedy }));
    }
  }
  if (guessIsUsed) for (const candidate of guess) serving.add(candidate);
  return { serving: all.filter((candidate) => serving.has(candidate)), findings: cappedByCode([...findings.values()]) };
}

const portsField = 'spec.template.spec.containers';

/** The ports that containers declare, looked up once: a namespace may have many Services with many ports. */
interface PortIndex {
  /** By "8080/TCP". */
  readonly owners: ReadonlyMap<string, readonly TemplateContainer[]>;
  /** By "http/TCP"; of several the first, regular containers before sidecars. */
  readonly numbers: ReadonlyMap<string, number>;
}

function portIndex(all: readonly TemplateContainer[]): PortIndex {
  const owners = new Map<string, TemplateContainer[]>();
  const numbers = new Map<string, number>();
  for (const candidate of all) {
    for (const { name, containerPort, protocol = 'TCP' } of candidate.container.ports ?? []) {
      const key = `${containerPort}/${protocol}`;
      const known = owners.get(key);
      if (known === undefined) owners.set(key, [candidate]);
      else if (known.at(-1) !== candidate) known.push(candidate);
      const named = `${name}/${protocol}`;
      if (name !== undefined && !numbers.has(named)) numbers.set(named, containerPort);
    }
  }
  return { owners, numbers };
}

type Target =
  | { readonly kind: 'nameNotFound'; readonly name: string }
  | { readonly kind: 'number'; readonly number: number; readonly owners: readonly TemplateContainer[] };

/** As FindPort in k8s.io/kubernetes/pkg/api/v1/pod: a name is looked up in regular containers first, then in sidecars. */
function targetOf({ port, targetPort, protocol = 'TCP' }: ServicePort, { owners, numbers }: PortIndex): Target {
  // The API server fills targetPort in; 0 and "" stand for "as port" in objects that were not defaulted.
  const wanted = targetPort === undefined || targetPort === 0 || targetPort === '' ? port : targetPort;
  const number = typeof wanted === 'number' ? wanted : numbers.get(`${wanted}/${protocol}`);
  if (number === undefined) return { kind: 'nameNotFound', name: `${wanted}` };
  return { kind: 'number', number, owners: owners.get(`${number}/${protocol}`) ?? [] };
}

function inferred(all: readonly TemplateContainer[], preferred: string | undefined): readonly TemplateContainer[] {
  const regular = all.filter(({ init }) => !init);
  if (regular.length === 1) return regular;
  const named = all.filter(({ container }) => container.name === preferred);
  if (named.length > 0) return named;
  const undeclared = regular.filter(({ container }) => (container.ports ?? []).length === 0);
  return undeclared.length > 0 ? undeclared : regular;
}
