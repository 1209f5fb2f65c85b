import { surgeObstacle } from '../contract/index.ts';
import { asDeployment } from './facts.ts';
import type { RollingPods } from './shares.ts';
import type { Edit, Workload } from './types.ts';

const at = ['spec', 'strategy', 'rollingUpdate'];

/** The edits that make a Deployment start a new pod before it ends an old one; none where a new pod may find no node. */
export function surgeFirst(workload: Workload, rolling: RollingPods): { readonly fix?: readonly Edit[] } {
  if (surgeObstacle(asDeployment(workload)) !== undefined || workload.template.spec.claims.length > 0) return {};
  const surge: Edit[] = rolling.surge > 0 ? [] : [{ path: [...at, 'maxSurge'], value: 1 }];
  return { fix: [{ path: [...at, 'maxUnavailable'], value: 0 }, ...surge] };
}
