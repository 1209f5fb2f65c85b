import type { Facts } from '../facts.ts';
import { stillServing } from '../neighbours.ts';
import { rawAt } from '../paths.ts';
import { count, intOrString, list, member, text } from '../read.ts';
import { surgeFirst } from '../rollingFix.ts';
import { defineRule, type Remark, type RuleInput, short } from '../rule.ts';
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
    appliesTo: ['Deployment', 'StatefulSet', 'DaemonSet', 'Rollout'],
    why: 'maxUnavailable says how many pods may be missing during a rollout. If that is all of them, the Deployment deletes the old pods as soon as it has created new ones, ready or not (pkg/controller/deployment/rolling.go), and the Service has no ready endpoint. Percentages of maxUnavailable round down. What is counted are the fewest pods that the workload is meant to have: minReplicas of its autoscaler, else replicas. Where an autoscaler may keep more than a rollout can take, the finding is strict, as it is where other workloads stay behind the same Services (a canary beside it), which then serve alone. Of a DaemonSet only 100% or more is certain, for nobody knows the nodes (pkg/controller/daemon/update.go). The canary of an Argo Rollout without steps and trafficRouting is counted alike (utils/replicaset/canary.go of argo-rollouts); that finding is strict. So is that of a StatefulSet with a maxUnavailable of its own (KEP-961; pkg/controller/statefulset getStatefulSetMaxUnavailable: percentages round down, to 1 at least), for it counts only where MaxUnavailableStatefulSet is on: by default in 1.35.0 to 1.35.3 and from 1.37. One whose partition keeps pods back is left out; that with one pod is GR304.',
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
      'Write maxUnavailable: 0 and maxSurge: 1 or more. Of a StatefulSet, and of a DaemonSet, whose pods may hold ports of their nodes, write maxUnavailable: 1, which is the default. There is an automatic fix for Deployments only, but not where a new pod may find no node beside the old one.',
  },
  (input) => {
    const { selecting = [], busyServices = [] } = input.facts;
    const loss = selecting.length === 0 ? undefined : lossOf(input);
    if (loss === undefined) return [];
    const others = stillServing(input);
    const { maxUnavailable, pods, isCertain, ...remark } = loss;
    const until = others === undefined ? ' before a new one is ready' : `: only ${short(others)} serves meanwhile`;
    const isEmptied = isCertain && others === undefined && busyServices.length > 0;
    return [
      {
        ...remark,
        message: `maxUnavailable ${short(`${maxUnavailable}`)} lets a rollout take ${pods} away${until}`,
        ...(isEmptied ? {} : { level: 'strict', severity: 'warning' }),
      },
    ];
  },
);

/** What a rollout may take away. */
interface Loss extends Omit<Remark, 'message' | 'level' | 'severity'> {
  readonly maxUnavailable: string | number;
  /** For people: `all 3 pods`. */
  readonly pods: string;
  readonly isCertain: boolean;
}

function lossOf(input: RuleInput): Loss | undefined {
  const { kind } = input.workload;
  if (kind === 'DaemonSet') return ofDaemonSet(input);
  if (kind === 'StatefulSet') return ofStatefulSet(input);
  return kind === 'Rollout' ? ofCanary(input) : ofDeployment(input);
}

function ofDeployment({ workload, facts }: RuleInput): Loss | undefined {
  const { fewestPods = 0, mostPods = 0 } = facts;
  const rolling = rollingPods(workload, fewestPods);
  if (rolling === undefined || rolling.forced || fewestPods < 1 || rolling.unavailable < fewestPods) return undefined;
  const takesMost = (rollingPods(workload, mostPods)?.unavailable ?? 0) >= mostPods;
  return {
    maxUnavailable: rolling.maxUnavailable,
    pods: podsIn(facts, takesMost),
    isCertain: takesMost,
    field: 'spec.strategy.rollingUpdate.maxUnavailable',
    remedy: surgeRemedy,
    ...surgeFirst(workload, rolling),
  };
}

/** The share of a number of nodes that nobody knows. */
function ofDaemonSet({ workload }: RuleInput): Loss | undefined {
  const strategy = rollingStrategy(workload);
  const maxUnavailable = text(member(strategy, 'maxUnavailable'));
  if (maxUnavailable === undefined || (podsOf(maxUnavailable, 100, 'down') ?? 0) < 100) return undefined;
  return {
    maxUnavailable,
    pods: 'all pods',
    isCertain: true,
    field: 'spec.updateStrategy.rollingUpdate.maxUnavailable',
    remedy: 'write maxUnavailable: 1, or a share of the nodes that may be missing',
  };
}

/** The API server drops maxUnavailable where the feature is off, and with it the default, 1, holds. */
function ofStatefulSet({ workload, facts }: RuleInput): Loss | undefined {
  const { fewestPods = 0 } = facts;
  const strategy = rollingStrategy(workload);
  const maxUnavailable = intOrString(member(strategy, 'maxUnavailable'));
  if (maxUnavailable === undefined || fewestPods < 2 || (count(member(strategy, 'partition')) ?? 0) > 0) {
    return undefined;
  }
  if ((podsOf(maxUnavailable, fewestPods, 'down') ?? 0) < fewestPods) return undefined;
  return {
    maxUnavailable,
    pods: podsIn(facts, false),
    isCertain: false,
    field: 'spec.updateStrategy.rollingUpdate.maxUnavailable',
    remedy: 'write maxUnavailable: 1, which is the default, or fewer than there are pods',
  };
}

/** With steps the old pods go as the weight rises; with trafficRouting they stay until the end. */
function ofCanary({ workload, facts }: RuleInput): Loss | undefined {
  const { fewestPods = 0 } = facts;
  const canary = rawAt(workload, ['spec', 'strategy', 'canary']);
  const maxUnavailable = intOrString(member(canary, 'maxUnavailable'));
  const isPlain = (list(member(canary, 'steps'), (step) => step) ?? []).length === 0;
  if (maxUnavailable === undefined || !isPlain || member(canary, 'trafficRouting') !== undefined) return undefined;
  if (fewestPods < 1 || (podsOf(maxUnavailable, fewestPods, 'down') ?? 0) < fewestPods) return undefined;
  return {
    maxUnavailable,
    pods: podsIn(facts, false),
    isCertain: false,
    field: 'spec.strategy.canary.maxUnavailable',
    remedy: surgeRemedy,
  };
}

/** `rollingUpdate` of an `updateStrategy`; undefined: it is another one. */
function rollingStrategy(workload: Workload): unknown {
  const strategy = rawAt(workload, ['spec', 'updateStrategy']);
  const type = text(member(strategy, 'type')) ?? 'RollingUpdate';
  return type === 'RollingUpdate' ? member(strategy, 'rollingUpdate') : undefined;
}

/** @param takesMost as many as there ever are */
function podsIn({ fewestPods = 0, mostPods = 0 }: Facts, takesMost: boolean): string {
  if (takesMost && mostPods > fewestPods) return 'all pods';
  const pods = fewestPods === 1 ? 'the only pod' : `all ${fewestPods} pods`;
  return mostPods > fewestPods ? `${pods} (at minReplicas ${fewestPods})` : pods;
}
