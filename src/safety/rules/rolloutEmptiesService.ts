import { rawAt } from '../paths.ts';
import { intOrString, list, member, text } from '../read.ts';
import { surgeFirst } from '../rollingFix.ts';
import { defineRule, type Remark, short } from '../rule.ts';
import { podsOf, rollingPods } from '../shares.ts';
import type { Workload } from '../types.ts';

const surgeRemedy = 'write maxUnavailable: 0 and maxSurge: 1 or more';

export const rolloutEmptiesService = defineRule(
  {
    code: 'GR302',
    name: 'rollout-empties-service',
    title: 'A rollout may take every pod away at once',
    level: 'baseline',
    severity: 'error',
    since: 'v1',
    hasFix: true,
    appliesTo: ['Deployment', 'DaemonSet', 'Rollout'],
    why: 'maxUnavailable says how many pods may be missing during a rollout. If that is all of them, the Deployment deletes the old pods as soon as it has created new ones, ready or not (pkg/controller/deployment/rolling.go), and the Service has no ready endpoint. Percentages of maxUnavailable round down. What is counted are the fewest pods that the workload is meant to have: minReplicas of its autoscaler, else replicas. Of a DaemonSet only 100% or more is certain, for nobody knows the nodes (pkg/controller/daemon/update.go). The canary of an Argo Rollout without steps and trafficRouting is counted alike (utils/replicaset/canary.go of argo-rollouts); that finding is strict.',
    example: `apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 2
  strategy: { rollingUpdate: { maxUnavailable: 2 } }
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - name: app
          image: example.com/web:1.2.3
          ports: [{ containerPort: 8080 }]
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec:
  selector: { app: web }
  ports: [{ port: 80, targetPort: 8080 }]
`,
    fixText:
      'Write maxUnavailable: 0 and maxSurge: 1 or more. Of a DaemonSet, whose pods may hold ports of their nodes, write maxUnavailable: 1, which is the default. There is no automatic fix for DaemonSets and Rollouts, nor where a new pod may find no node beside the old one.',
  },
  ({ workload, facts }) => {
    const { fewestPods = 0, selecting = [], busyServices = [] } = facts;
    const remark = selecting.length === 0 ? undefined : remarkOn(workload, fewestPods);
    if (remark === undefined) return [];
    return [busyServices.length > 0 ? remark : { ...remark, level: 'strict', severity: 'warning' }];
  },
);

function remarkOn(workload: Workload, fewestPods: number): Remark | undefined {
  if (workload.kind === 'DaemonSet') return ofDaemonSet(workload);
  return workload.kind === 'Rollout' ? ofCanary(workload, fewestPods) : ofDeployment(workload, fewestPods);
}

function ofDeployment(workload: Workload, fewestPods: number): Remark | undefined {
  const rolling = rollingPods(workload, fewestPods);
  if (rolling === undefined || rolling.forced || fewestPods < 1 || rolling.unavailable < fewestPods) return undefined;
  return {
    field: 'spec.strategy.rollingUpdate.maxUnavailable',
    message: messageOf(rolling.maxUnavailable, podsIn(fewestPods)),
    remedy: surgeRemedy,
    ...surgeFirst(workload, rolling),
  };
}

/** The share of a number of nodes that nobody knows. */
function ofDaemonSet(workload: Workload): Remark | undefined {
  const strategy = rawAt(workload, ['spec', 'updateStrategy']);
  const maxUnavailable = text(member(strategy, 'rollingUpdate', 'maxUnavailable'));
  if ((text(member(strategy, 'type')) ?? 'RollingUpdate') !== 'RollingUpdate' || maxUnavailable === undefined) {
    return undefined;
  }
  if ((podsOf(maxUnavailable, 100, 'down') ?? 0) < 100) return undefined;
  return {
    field: 'spec.updateStrategy.rollingUpdate.maxUnavailable',
    message: messageOf(maxUnavailable, 'all pods'),
    remedy: 'write maxUnavailable: 1, or a share of the nodes that may be missing',
  };
}

/** With steps the old pods go as the weight rises; with trafficRouting they stay until the end. */
function ofCanary(workload: Workload, fewestPods: number): Remark | undefined {
  const canary = rawAt(workload, ['spec', 'strategy', 'canary']);
  const maxUnavailable = intOrString(member(canary, 'maxUnavailable'));
  const isPlain = (list(member(canary, 'steps'), (step) => step) ?? []).length === 0;
  if (maxUnavailable === undefined || !isPlain || member(canary, 'trafficRouting') !== undefined) return undefined;
  if (fewestPods < 1 || (podsOf(maxUnavailable, fewestPods, 'down') ?? 0) < fewestPods) return undefined;
  return {
    field: 'spec.strategy.canary.maxUnavailable',
    message: messageOf(maxUnavailable, podsIn(fewestPods)),
    remedy: surgeRemedy,
    level: 'strict',
    severity: 'warning',
  };
}

function messageOf(maxUnavailable: string | number, pods: string): string {
  return `maxUnavailable ${short(`${maxUnavailable}`)} lets a rollout take ${pods} away before a new one is ready`;
}

function podsIn(count: number): string {
  return count === 1 ? 'the only pod' : `all ${count} pods`;
}
