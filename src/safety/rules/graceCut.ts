import { podField } from '../paths.ts';
import { defineRule, short } from '../rule.ts';
import type { WorkloadKind } from '../types.ts';

const kinds: readonly WorkloadKind[] = ['Deployment', 'ReplicaSet', 'Rollout'];
/** terminationGracePeriodSeconds where none is written. */
const defaultGraceSeconds = 30;

export const graceCut = defineRule(
  {
    code: 'GR209',
    name: 'grace-cut',
    title: 'Pods run with a shorter grace period than their template asks for',
    level: 'baseline',
    severity: 'warning',
    since: 'v1',
    hasFix: false,
    appliesTo: kinds,
    why: 'A pod is created from the template of its ReplicaSet (pkg/controller/controller_utils.go GetPodFromTemplate), then mutating webhooks and the provider may change it: some cap terminationGracePeriodSeconds (spot nodes, serverless nodes). The arithmetic of the manifest then does not hold. Known only where pods and ReplicaSets can be seen (kubectl graceful audit). Pods of StatefulSets and DaemonSets are not compared: they may be of an older template, and do not hold it.',
    example: `apiVersion: apps/v1
kind: Deployment
metadata: { name: web, uid: d1 }
spec:
  selector: { matchLabels: { app: web } }
  template:
    spec:
      terminationGracePeriodSeconds: 60
      containers: [{ name: app, image: "example.com/web:1.2.3" }]
---
apiVersion: apps/v1
kind: ReplicaSet
metadata:
  name: web-1
  uid: r1
  ownerReferences: [{ apiVersion: apps/v1, kind: Deployment, name: web, uid: d1, controller: true }]
spec:
  template: { spec: { terminationGracePeriodSeconds: 60 } }
---
apiVersion: v1
kind: Pod
metadata:
  name: web-1-x
  ownerReferences: [{ apiVersion: apps/v1, kind: ReplicaSet, name: web-1, uid: r1, controller: true }]
spec: { terminationGracePeriodSeconds: 25 }
`,
    fixText:
      'Find out what changes the pods (the list of mutating webhooks, the node pool), and make preStop and drain fit into what it leaves.',
  },
  ({ workload, context, facts }) => {
    const { uid } = workload;
    if (uid === undefined || context.pods === undefined) return [];
    const asked = new Map(
      workload.kind === 'ReplicaSet'
        ? [[uid, facts.graceSeconds]]
        : (context.replicaSets ?? []).flatMap((set) =>
            set.uid !== undefined && set.ownerUid === uid
              ? [[set.uid, set.graceSeconds ?? defaultGraceSeconds] as const]
              : [],
          ),
    );
    const cut = context.pods.flatMap(({ name, ownerUid, graceSeconds = defaultGraceSeconds }) => {
      const askedSeconds = ownerUid === undefined ? undefined : asked.get(ownerUid);
      return askedSeconds === undefined || graceSeconds >= askedSeconds ? [] : [{ name, graceSeconds, askedSeconds }];
    });
    const [first] = cut;
    if (first === undefined) return [];
    const { name, graceSeconds, askedSeconds } = first;
    const others = cut.length > 1 ? ` (and ${cut.length - 1} more)` : '';
    return [
      {
        field: podField(workload, 'terminationGracePeriodSeconds'),
        message: `pod ${short(name)}${others} has ${graceSeconds} s of grace, ${askedSeconds - graceSeconds} s less than the ${askedSeconds} s of its template: something cut it`,
        remedy: `find the webhook or node pool that cuts it, or make preStop + drain fit into ${graceSeconds} s`,
      },
    ];
  },
);
