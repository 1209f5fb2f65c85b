import { autoscaler, beside, deployment, service } from '../testing/manifests.ts';
import { testRule } from '../testing/ruleTable.ts';
import { sharesRoundToLoss } from './sharesRoundToLoss.ts';

const rolling = (replicas: number, maxUnavailable: number | string, maxSurge: number | string = 1, pod = {}) =>
  deployment({ replicas, strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable, maxSurge } } }, pod);

testRule(sharesRoundToLoss, {
  says: [
    [
      'one pod',
      [rolling(1, '25%', 0), service()],
      {
        message: 'maxSurge 0 and maxUnavailable 25% of 1 round to 0 pods, so 1 is taken away: none is left',
        field: 'spec.strategy.rollingUpdate',
        fixed: true,
      },
    ],
    [
      'three pods',
      [rolling(3, '25%', '0%'), service()],
      { message: '2 of 3 are left', level: 'strict', severity: 'warning', fixed: true },
    ],
    [
      'an autoscaler may leave one',
      [rolling(10, '25%', 0), service(), autoscaler({ minReplicas: 1 })],
      { message: '25% of minReplicas 1 round to 0 pods', level: 'strict', severity: 'warning', fixed: true },
    ],
    [
      'an autoscaler that never runs more',
      [rolling(10, '25%', 0), service(), autoscaler({ minReplicas: 1, maxReplicas: 1 })],
      { message: 'of 1 round to 0 pods, so 1 is taken away: none is left', fixed: true },
    ],
    [
      'a canary behind the same Service',
      [rolling(1, '25%', 0), service(), beside('canary')],
      { message: 'taken away: left is Deployment canary', level: 'strict', severity: 'warning', fixed: true },
    ],
    [
      'ports of the node',
      [rolling(1, '25%', 0, { hostNetwork: true }), service()],
      { message: 'none is left', fixed: false },
    ],
    [
      'only for metrics',
      [rolling(1, '25%', 0), service({}, 'web-metrics')],
      { message: 'none is left', level: 'strict', severity: 'warning' },
    ],
  ],
  silent: [
    ['a surge', [rolling(1, '25%', 1), service()]],
    ['enough replicas', [rolling(4, '25%', 0), service()]],
    ['no Service', [rolling(1, '25%', 0)]],
    ['scaled to 0', [rolling(0, '25%', 0), service()]],
  ],
});
