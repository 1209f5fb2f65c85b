import { surgeObstacle } from '../../contract/index.ts';
import { asDeployment } from '../facts.ts';
import { DEPLOYMENT } from '../kinds.ts';
import { podField } from '../paths.ts';
import { defineRule, type Remark, short } from '../rule.ts';
import { rollingPods } from '../shares.ts';

export const surgeUnschedulable = defineRule(
  {
    code: 'GR305',
    name: 'surge-unschedulable',
    title: 'A new pod finds no place beside the old one',
    level: 'baseline',
    severity: 'error',
    since: 'v1',
    hasFix: false,
    appliesTo: DEPLOYMENT,
    why: 'With maxUnavailable 0 a rollout waits for a new pod before it ends an old one. The new pod cannot start while the old one holds what both need: a volume claim with ReadWriteOncePod (the scheduler refuses the second pod, KEP-2485), a port of the node (hostPort, hostNetwork), the only node left by a required anti-affinity (kubernetes/kubernetes#90669). The rollout then stands still until progressDeadlineSeconds and beyond. Certain, and so in baseline, for ReadWriteOncePod, and for the others where the nodes are known to be too few; else strict, as is a ReadWriteOnce claim, which only pods of one node can mount.',
    example: `apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 1
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      volumes: [{ name: data, persistentVolumeClaim: { claimName: data } }]
      containers:
        - name: app
          image: example.com/web:1.2.3
          ports: [{ containerPort: 8080 }]
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: data }
spec:
  accessModes: [ReadWriteOncePod]
  resources: { requests: { storage: 1Gi } }
`,
    fixText:
      'Decide: a volume per pod (StatefulSet) or one that many nodes can mount; a Service instead of ports of the node; a preferred anti-affinity or a node to spare; or let a pod be missing (maxUnavailable: 1, or Recreate), which loses requests where there is only one.',
  },
  ({ workload, context, facts }) => {
    const { fewestPods } = facts;
    const rolling = rollingPods(workload, Math.max(1, fewestPods ?? 1));
    if (rolling === undefined || rolling.unavailable > 0 || fewestPods === 0) return [];
    const { claims } = workload.template.spec;
    const modes = context.claimAccessModes ?? {};
    const only = (mode: string) =>
      claims.find((name) => Object.hasOwn(modes, name) && modes[name]?.length === 1 && modes[name][0] === mode);
    const remarks: Remark[] = [];
    const stands = 'at maxUnavailable 0 for ever';
    const perPod = only('ReadWriteOncePod');
    const perNode = only('ReadWriteOnce');
    const field = podField(workload, 'volumes');
    if (perPod !== undefined) {
      const message = `claim ${short(perPod)} is ReadWriteOncePod: a new pod waits for the old one, ${stands}`;
      remarks.push({
        field,
        message,
        remedy: 'decide: a volume per pod (StatefulSet), another access mode, or strategy.type: Recreate',
      });
    } else if (perNode !== undefined) {
      const message = `claim ${short(perNode)} is ReadWriteOnce: on another node a new pod cannot mount it, ${stands}`;
      remarks.push({
        field,
        message,
        remedy: 'decide: a volume per pod (StatefulSet), ReadWriteMany, or strategy.type: Recreate',
        level: 'strict',
        severity: 'warning',
      });
    }
    const obstacle = surgeObstacle(asDeployment(workload));
    if (obstacle === undefined) return remarks;
    const { nodeCount } = context;
    const what = obstacle.leavesStrategy ? 'pods take ports of their node' : 'required anti-affinity';
    const isCertain = fewestPods !== undefined && nodeCount !== undefined && nodeCount <= fewestPods;
    remarks.push({
      field: obstacle.finding.field ?? podField(workload, 'containers'),
      message: isCertain
        ? `${what}: ${fewestPods} pods on ${nodeCount} nodes leave none for a new one, ${stands}`
        : `${what}: a new one waits for a node to spare, ${stands}`,
      remedy: obstacle.finding.remedy ?? 'keep one node more than replicas',
      ...(isCertain ? {} : { level: 'strict', severity: 'warning' }),
    });
    return remarks;
  },
);
