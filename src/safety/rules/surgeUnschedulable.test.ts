import { claim, deployment, type Manifest, withApp } from '../testing/manifests.ts';
import { testRule } from '../testing/ruleTable.ts';
import { surgeUnschedulable } from './surgeUnschedulable.ts';

const mounting: Manifest = deployment(
  { replicas: 1 },
  { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }] },
);
const apart = deployment(
  {},
  {
    affinity: {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'web' } } },
        ],
      },
    },
  },
);

testRule(surgeUnschedulable, {
  says: [
    [
      'a claim for one pod',
      [mounting, claim('ReadWriteOncePod')],
      {
        message: 'claim data is ReadWriteOncePod: a new pod waits for the old one, at maxUnavailable 0 for ever',
        field: 'spec.template.spec.volumes',
        fixed: false,
      },
    ],
    [
      'a claim for one node',
      [mounting, claim('ReadWriteOnce')],
      { message: 'claim data is ReadWriteOnce', level: 'strict', severity: 'warning' },
    ],
    [
      'a port of the node',
      [withApp({ ports: [{ containerPort: 80, hostPort: 80 }] })],
      {
        message: 'pods take ports of their node: a new one waits for a node to spare',
        level: 'strict',
        severity: 'warning',
      },
    ],
    [
      'anti-affinity',
      [apart],
      { message: 'required anti-affinity: a new one waits for a node to spare', level: 'strict', severity: 'warning' },
    ],
    [
      'anti-affinity on too few nodes',
      [apart],
      { message: '3 pods on 3 nodes leave none for a new one' },
      { more: { nodeCount: 3 } },
    ],
  ],
  silent: [
    ['nothing in the way', [deployment()]],
    ['a claim for many', [mounting, claim('ReadWriteMany')]],
    ['a claim that is not known', [mounting], { unknown: ['PersistentVolumeClaim'] }],
    [
      'one may be missing',
      [
        { ...mounting, spec: { ...(mounting.spec as object), strategy: { rollingUpdate: { maxUnavailable: 1 } } } },
        claim('ReadWriteOncePod'),
      ],
    ],
    ['scaled to 0', [{ ...mounting, spec: { ...(mounting.spec as object), replicas: 0 } }, claim('ReadWriteOncePod')]],
  ],
});
