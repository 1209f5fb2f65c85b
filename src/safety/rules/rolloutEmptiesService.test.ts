import { autoscaler, beside, deployment, type Manifest, ofKind, service } from '../testing/manifests.ts';
import { testRule } from '../testing/ruleTable.ts';
import { rolloutEmptiesService } from './rolloutEmptiesService.ts';

const rolling = (replicas: number, maxUnavailable: number | string, maxSurge: number | string = 1, pod = {}) =>
  deployment({ replicas, strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable, maxSurge } } }, pod);

const daemonSet = (updateStrategy?: object) =>
  ofKind('DaemonSet', 'apps/v1', deployment({ replicas: undefined, updateStrategy }));
const statefulSet = (updateStrategy?: object, replicas = 3) =>
  ofKind('StatefulSet', 'apps/v1', deployment({ replicas, updateStrategy }));
const canary = (canary: Manifest, replicas = 3) =>
  ofKind('Rollout', 'argoproj.io/v1alpha1', deployment({ replicas, strategy: { canary } }));

testRule(rolloutEmptiesService, {
  says: [
    [
      'all of them',
      [rolling(2, 2), service()],
      {
        message: 'maxUnavailable 2 lets a rollout take all 2 pods away',
        field: 'spec.strategy.rollingUpdate.maxUnavailable',
        fixed: true,
      },
    ],
    ['more than there are', [rolling(2, 5), service()], { message: 'all 2 pods', fixed: true }],
    ['the only one', [rolling(1, 1), service()], { message: 'the only pod', fixed: true }],
    ['100%', [rolling(8, '100%', 0), service()], { message: 'maxUnavailable 100%', fixed: true }],
    [
      'an autoscaler may leave few, replicas are written',
      [rolling(10, 1), service(), autoscaler({ minReplicas: 1 })],
      {
        message: 'lets a rollout take the only pod (at minReplicas 1) away',
        level: 'strict',
        severity: 'warning',
        fixed: true,
      },
    ],
    [
      'an autoscaler may leave few',
      [rolling(9, 2), service(), autoscaler()],
      { message: 'all 2 pods (at minReplicas 2)', level: 'strict', severity: 'warning', fixed: true },
    ],
    [
      'an autoscaler that never runs more',
      [rolling(9, 2), service(), autoscaler({ maxReplicas: 2 })],
      { message: 'take all 2 pods away', fixed: true },
    ],
    [
      'more than the autoscaler ever runs',
      [rolling(9, 5), service(), autoscaler()],
      { message: 'take all pods away', fixed: true },
    ],
    [
      '100% at any number of pods',
      [rolling(9, '100%'), service(), autoscaler()],
      { message: 'take all pods away', fixed: true },
    ],
    [
      'nobody knows how many an autoscaler runs',
      [rolling(9, 2), service(), autoscaler({ maxReplicas: undefined })],
      { message: 'all 2 pods (at minReplicas 2)', level: 'strict', severity: 'warning' },
    ],
    [
      'a canary Deployment behind the same Service',
      [rolling(2, 2), service(), beside('canary', { replicas: 1 })],
      {
        message: 'take all 2 pods away: only Deployment canary serves meanwhile',
        level: 'strict',
        severity: 'warning',
        fixed: true,
      },
    ],
    [
      'several others behind the same Service',
      [rolling(1, 1), service(), beside('a'), beside('b'), ofKind('DaemonSet', 'apps/v1', beside('c'))],
      { message: 'only Deployment a (and 2 more) serves', level: 'strict', severity: 'warning' },
    ],
    ['another one that has no pods', [rolling(2, 2), service(), beside('old', { replicas: 0 })], { message: 'all 2' }],
    [
      'another one in another namespace',
      [rolling(2, 2), service(), { ...deployment(), metadata: { namespace: 'other', name: 'canary' } }],
      { message: 'all 2 pods' },
    ],
    [
      'a StatefulSet, where the feature is on',
      [statefulSet({ rollingUpdate: { maxUnavailable: 3 } }), service()],
      {
        message: 'maxUnavailable 3 lets a rollout take all 3 pods away',
        field: 'spec.updateStrategy.rollingUpdate.maxUnavailable',
        level: 'strict',
        severity: 'warning',
        fixed: false,
      },
    ],
    [
      'a StatefulSet, by a percentage',
      [statefulSet({ type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '100%', partition: 0 } }), service()],
      { message: 'all 3 pods', level: 'strict', severity: 'warning' },
    ],
    [
      'ports of the node leave no other way',
      [rolling(1, 1, 0, { hostNetwork: true }), service()],
      { message: 'the only pod', fixed: false },
    ],
    [
      'a volume may leave no other way',
      [rolling(1, 1, 0, { volumes: [{ name: 'x', persistentVolumeClaim: { claimName: 'x' } }] }), service()],
      { message: 'the only pod', fixed: false },
    ],
    [
      'every pod of a DaemonSet',
      [daemonSet({ rollingUpdate: { maxUnavailable: '100%' } }), service()],
      {
        message: 'maxUnavailable 100% lets a rollout take all pods away',
        field: 'spec.updateStrategy.rollingUpdate.maxUnavailable',
        fixed: false,
      },
    ],
    [
      'every pod of a DaemonSet behind a headless Service',
      [daemonSet({ type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '200%' } }), service({ clusterIP: 'None' })],
      { message: 'all pods', level: 'strict', severity: 'warning' },
    ],
    [
      'a canary without steps',
      [canary({ maxUnavailable: 3, steps: [] }), service()],
      {
        message: 'maxUnavailable 3 lets a rollout take all 3 pods away',
        field: 'spec.strategy.canary.maxUnavailable',
        level: 'strict',
        severity: 'warning',
        fixed: false,
      },
    ],
    [
      'behind a headless Service',
      [rolling(1, 1), service({ clusterIP: 'None' })],
      { message: 'the only pod', level: 'strict', severity: 'warning', fixed: true },
    ],
  ],
  silent: [
    ['a DaemonSet by default', [daemonSet(), service()]],
    ['a share of the nodes', [daemonSet({ rollingUpdate: { maxUnavailable: '99%' } }), service()]],
    ['a number of unknown nodes', [daemonSet({ rollingUpdate: { maxUnavailable: 100 } }), service()]],
    ['OnDelete', [daemonSet({ type: 'OnDelete', rollingUpdate: { maxUnavailable: '100%' } }), service()]],
    ['a DaemonSet without a Service', [daemonSet({ rollingUpdate: { maxUnavailable: '100%' } })]],
    ['a StatefulSet by default', [statefulSet({ rollingUpdate: {} }), service()]],
    ['a StatefulSet that keeps one', [statefulSet({ rollingUpdate: { maxUnavailable: 2 } }), service()]],
    ['a StatefulSet, 99%', [statefulSet({ rollingUpdate: { maxUnavailable: '99%' } }), service()]],
    [
      'a StatefulSet whose partition keeps pods back',
      [statefulSet({ rollingUpdate: { maxUnavailable: 3, partition: 1 } }), service()],
    ],
    ['a StatefulSet of one', [statefulSet({ rollingUpdate: { maxUnavailable: 1 } }, 1), service()]],
    ['OnDelete of a StatefulSet', [statefulSet({ type: 'OnDelete', rollingUpdate: { maxUnavailable: 3 } }), service()]],
    ['a canary by default', [canary({}), service()]],
    ['a canary that leaves one', [canary({ maxUnavailable: 2 }), service()]],
    ['a canary with steps', [canary({ maxUnavailable: '100%', steps: [{ setWeight: 20 }] }), service()]],
    ['a canary behind a router', [canary({ maxUnavailable: '100%', trafficRouting: { nginx: {} } }), service()]],
    ['one stays', [rolling(2, 1), service()]],
    ['the defaults', [deployment({ replicas: 1 }), service()]],
    ['a percentage that rounds down', [rolling(3, '99%'), service()]],
    ['no Service', [rolling(1, 1)]],
    [
      'how many is not known',
      [deployment({ replicas: undefined, strategy: { rollingUpdate: { maxUnavailable: 1 } } }), service()],
      { unknown: ['HorizontalPodAutoscaler'] },
    ],
    ['nothing that can be read', [rolling(1, 'many'), service()]],
    ['Recreate', [deployment({ strategy: { type: 'Recreate' } }), service()]],
  ],
});
