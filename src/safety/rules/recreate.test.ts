import { autoscaler, deployment, service } from '../testing/manifests.ts';
import { testRule } from '../testing/ruleTable.ts';
import { recreate } from './recreate.ts';

const target = deployment({ strategy: { type: 'Recreate' } });

testRule(recreate, {
  says: [
    [
      'behind a Service',
      [target, service()],
      { message: 'Recreate ends all 3 pods before a new one starts', field: 'spec.strategy.type', fixed: false },
    ],
    ['with an autoscaler', [target, service(), autoscaler()], { message: 'all 2 pods' }],
    ['behind a headless Service', [target, service({ clusterIP: 'None' })], { message: 'Recreate', level: 'strict' }],
    ['for metrics only', [target, service({}, 'web-metrics')], { message: 'Recreate', level: 'strict' }],
  ],
  silent: [
    ['a rolling update', [deployment(), service()]],
    ['no Service', [target]],
    ['Services are not known', [target], { unknown: ['Service'] }],
    ['scaled to 0', [deployment({ replicas: 0, strategy: { type: 'Recreate' } }), service()]],
  ],
});
