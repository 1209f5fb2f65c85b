import type { Service } from '../api/kubernetes.ts';
import { matchesServiceSelector } from '../api/labelSelector.ts';
import { selects } from '../contract/index.ts';
import { budgetsOf } from './budgets.ts';
import { asDeployment } from './facts.ts';
import { SERVERS } from './kinds.ts';
import type { RuleInput } from './rule.ts';
import type { Context, Workload } from './types.ts';

/**
 * What the rules on other workloads read of this one: the budgets that select its pods (GR402, GR404), the Services that do,
 * and whether it has pods at all (GR301 to GR304, GR309: a Service behind which others stay is not emptied), and where one of
 * them looks up a port by its name, its ports (GR405 too). As long as it stays equal, no other workload needs to be judged
 * again because of this one. Undefined: it is not there.
 */
export function seenByOthers(workload: Workload | undefined, context: Context): unknown {
  if (workload === undefined) return undefined;
  const budgets = (budgetsOf(workload, context) ?? []).map(({ name }) => name);
  const pods = asDeployment(workload);
  const selecting = (context.services ?? []).filter((service) => selects(service, pods));
  if (budgets.length === 0 && selecting.length === 0) return undefined;
  const services = selecting.map(({ metadata: { name } }) => name);
  const isAsked = selecting.some(({ spec: { ports = [] } }) =>
    ports.some(({ targetPort }) => typeof targetPort === 'string'),
  );
  const { containers, initContainers = [] } = workload.template.spec;
  const ports = [...containers, ...initContainers].map(({ restartPolicy, ports: own }) => ({ restartPolicy, own }));
  return { budgets, services, isIdle: workload.replicas === 0, ports: isAsked ? ports : [] };
}

/** Whether a container that runs as long as the pod declares a port of this name. */
export function hasPort({ template: { spec } }: Workload, wanted: string, wantedProtocol: string): boolean {
  const sidecars = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  return [...spec.containers, ...sidecars].some(({ ports = [] }) =>
    ports.some(({ name, protocol = 'TCP' }) => name === wanted && protocol === wantedProtocol),
  );
}

/** The other workloads to whose pods a Service sends too. */
export function othersBehind(service: Service, workload: Workload, { workloads = [] }: Context): Workload[] {
  return workloads.filter(
    (other) =>
      matchesServiceSelector(service.spec.selector, other.template.labels) &&
      (other.kind !== workload.kind || other.name !== workload.name) &&
      selects(service, asDeployment(other)),
  );
}

/**
 * What still serves when this workload has no pod left, for people: `Deployment web-canary`. Undefined: one of its Services at
 * least is empty then, or nobody knows of others.
 */
export function stillServing({ workload, context, facts: { busyServices = [] } }: RuleInput): string | undefined {
  const names = new Set<string>();
  for (const service of busyServices) {
    const others = othersBehind(service, workload, context).filter((other) => serves(other, service));
    if (others.length === 0) return undefined;
    for (const { kind, name } of others) names.add(`${kind} ${name}`);
  }
  const [first] = names;
  return first === undefined || names.size === 1 ? first : `${first} (and ${names.size - 1} more)`;
}

function serves(other: Workload, { spec: { ports = [] } }: Service): boolean {
  if (other.replicas === 0 || !(other.kind === 'Pod' || SERVERS.includes(other.kind))) return false;
  return ports.every(
    ({ targetPort, protocol = 'TCP' }) =>
      typeof targetPort !== 'string' || targetPort === '' || hasPort(other, targetPort, protocol),
  );
}
