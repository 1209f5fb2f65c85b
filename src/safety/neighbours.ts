import { selects } from '../contract/index.ts';
import { budgetsOf } from './budgets.ts';
import { asDeployment } from './facts.ts';
import type { Context, Workload } from './types.ts';

/**
 * What the rules on other workloads read of this one: the budgets that select its pods (GR402, GR404), and where a Service
 * that selects them looks up a port by its name, its ports (GR405). As long as it stays equal, no other workload needs to be
 * judged again because of this one. Undefined: it is not there.
 */
export function seenByOthers(workload: Workload | undefined, context: Context): unknown {
  if (workload === undefined) return undefined;
  const budgets = (budgetsOf(workload, context) ?? []).map(({ name }) => name);
  const pods = asDeployment(workload);
  const services = (context.services ?? [])
    .filter(({ spec: { ports = [] } }) => ports.some(({ targetPort }) => typeof targetPort === 'string'))
    .filter((service) => selects(service, pods))
    .map(({ metadata: { name } }) => name);
  if (budgets.length === 0 && services.length === 0) return undefined;
  const { containers, initContainers = [] } = workload.template.spec;
  const ports = [...containers, ...initContainers].map(({ restartPolicy, ports: own }) => ({ restartPolicy, own }));
  return { budgets, services, ports: services.length === 0 ? [] : ports };
}
