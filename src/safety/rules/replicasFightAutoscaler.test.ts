import { autoscaler, deployment, type Manifest, ofKind } from '../testing/manifests.ts';
import { testRule } from '../testing/ruleTable.ts';
import { replicasFightAutoscaler } from './replicasFightAutoscaler.ts';

const stored = (metadata: object): Manifest => ({
  ...deployment(),
  metadata: { namespace: 'shop', name: 'web', uid: 'd1', ...metadata },
});

testRule(replicasFightAutoscaler, {
  says: [
    [
      'in a manifest',
      [deployment(), autoscaler()],
      { message: 'replicas 3 in the manifest and HPA web (2 to 5)', field: 'spec.replicas', fixed: true },
    ],
    [
      'by kubectl apply',
      [
        stored({ annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{"spec":{"replicas":3}}' } }),
        autoscaler(),
      ],
      { message: 'replicas 3', fixed: true },
    ],
    [
      'by a server-side apply',
      [stored({ managedFields: [{ operation: 'Apply', fieldsV1: { 'f:spec': { 'f:replicas': {} } } }] }), autoscaler()],
      { message: 'replicas 3', fixed: true },
    ],
    [
      'a StatefulSet',
      [ofKind('StatefulSet', 'apps/v1'), autoscaler({ scaleTargetRef: { kind: 'StatefulSet', name: 'web' } })],
      { message: 'replicas 3' },
    ],
  ],
  silent: [
    ['left out', [deployment({ replicas: undefined }), autoscaler()]],
    ['switched off', [deployment({ replicas: 0 }), autoscaler()]],
    ['no autoscaler', [deployment()]],
    ['of another workload', [deployment(), autoscaler({ scaleTargetRef: { kind: 'Deployment', name: 'api' } })]],
    ['of another kind', [deployment(), autoscaler({ scaleTargetRef: { kind: 'StatefulSet', name: 'web' } })]],
    [
      'stored, and nobody applied it',
      [
        stored({ managedFields: [{ operation: 'Update', fieldsV1: { 'f:spec': { 'f:replicas': {} } } }] }),
        autoscaler(),
      ],
    ],
    [
      'stored, applied without it',
      [stored({ annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{"spec":{}}' } }), autoscaler()],
    ],
    ['stored', [stored({}), autoscaler()]],
  ],
});
