import { autoscaler, deployment, service } from '../testing/manifests.ts';
import { testRule } from '../testing/ruleTable.ts';
import { rolloutEmptiesService } from './rolloutEmptiesService.ts';

const rolling = (replicas: number, maxUnavailable: number | string, maxSurge: number | string = 1, pod = {}) =>
  deployment({ replicas, strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable, maxSurge } } }, pod);

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
    ['an autoscaler leaves few', [rolling(9, 2), service(), autoscaler()], { message: 'all 2 pods', fixed: true }],
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
      'behind a headless Service',
      [rolling(1, 1), service({ clusterIP: 'None' })],
      { message: 'the only pod', level: 'strict', severity: 'warning', fixed: true },
    ],
  ],
  silent: [
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
