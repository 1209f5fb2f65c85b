import type { Deployment, Service } from '../api/kubernetes.ts';
import { matchesServiceSelector } from '../api/labelSelector.ts';
import { selects } from '../contract/index.ts';
import { type Context, type Finding, type JudgeOptions, judge, SEVERITIES, workloadOf } from '../safety/index.ts';

/** Deployments that one Service is judged with: more lines than theirs are not shown, and somebody waits for the answer. */
export const DEPLOYMENTS_MAX = 16;

/** A Service as it was (absent: it is new) and as it will be stored. */
export interface ServiceWrite {
  readonly before?: Service;
  readonly after: Service;
}

/**
 * What the rules say, worst first, of the Deployments that a Service selects only because of this write of it: where a file
 * has the Deployment above its Service, the Deployment was judged without. What was true before is not said again. Deployments
 * only, no other kind is cached whole.
 */
export function findingsOfService(
  { before, after }: ServiceWrite,
  context: Context,
  deploymentOf: (name: string) => Deployment | undefined,
  options: JudgeOptions,
): readonly Finding[] {
  const others = (context.services ?? []).filter(({ metadata }) => metadata.name !== after.metadata.name);
  const contextBefore: Context = { ...context, services: before === undefined ? others : [...others, before] };
  const contextAfter: Context = { ...context, services: [...others, after] };
  return (context.workloads ?? [])
    .filter(({ kind, template }) => {
      return kind === 'Deployment' && matchesServiceSelector(after.spec.selector, template.labels);
    })
    .slice(0, DEPLOYMENTS_MAX)
    .flatMap(({ name }) => {
      const deployment = deploymentOf(name);
      const isJudged = deployment?.metadata.deletionTimestamp === undefined;
      const workload = deployment && isJudged && selects(after, deployment) ? workloadOf(deployment) : undefined;
      if (workload === undefined) return [];
      const known = new Set(judge(workload, contextBefore, options).map(placeOf));
      return judge(workload, contextAfter, options).filter((finding) => !known.has(placeOf(finding)));
    })
    .toSorted((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity));
}

/** What a finding is about; its words may name another Service. */
function placeOf({ code, field }: Finding): string {
  return `${code} ${field}`;
}
