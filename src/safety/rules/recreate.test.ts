import { app, autoscaler, beside, deployment, ofKind, service } from '../testing/manifests.ts';
import { testRule } from '../testing/ruleTable.ts';
import { recreate } from './recreate.ts';

const strategy = { type: 'Recreate' };
const target = deployment({ strategy });
const marked = {
  metadata: { labels: { app: 'web', track: 'stable' } },
  spec: { containers: [app()] },
};

testRule(recreate, {
  says: [
    [
      'behind a Service',
      [target, service()],
      { message: 'Recreate ends all 3 pods before a new one starts', field: 'spec.strategy.type', fixed: false },
    ],
    ['with an autoscaler', [target, service(), autoscaler()], { message: 'Recreate ends all pods before' }],
    [
      'with an autoscaler that has no choice',
      [target, service(), autoscaler({ maxReplicas: 2 })],
      { message: 'all 2 pods' },
    ],
    [
      'a canary behind the same Service',
      [target, service(), beside('canary')],
      { message: 'until the first is ready only Deployment canary serves', level: 'strict' },
    ],
    [
      'a Service of its own beside the shared one',
      [
        deployment({ strategy, template: marked }),
        service(),
        service({ selector: { track: 'stable' } }, 'own'),
        beside('canary'),
      ],
      { message: 'each rollout loses requests' },
    ],
    [
      'another one that has no pods',
      [target, service(), beside('canary', { replicas: 0 })],
      { message: 'each rollout loses requests' },
    ],
    [
      'another one without the port that the Service names',
      [target, service(), beside('worker', {}, { ports: [] })],
      { message: 'each rollout loses requests' },
    ],
    [
      'a Job of the same labels, which serves nobody',
      [target, service(), ofKind('Job', 'batch/v1', beside('job'))],
      { message: 'each rollout loses requests' },
    ],
    ['the same object once more', [target, service(), target], { message: 'each rollout loses requests' }],
    ['behind a headless Service', [target, service({ clusterIP: 'None' })], { message: 'Recreate', level: 'strict' }],
    ['for metrics only', [target, service({}, 'web-metrics')], { message: 'Recreate', level: 'strict' }],
  ],
  silent: [
    ['a rolling update', [deployment(), service()]],
    ['no Service', [target]],
    ['Services are not known', [target], { unknown: ['Service'] }],
    ['scaled to 0', [deployment({ replicas: 0, strategy }), service()]],
  ],
});
