import { autoscaler, beside, deployment, ofKind, service } from '../testing/manifests.ts';
import { testRule } from '../testing/ruleTable.ts';
import { singleReplica } from './singleReplica.ts';

testRule(singleReplica, {
  says: [
    [
      'written',
      [deployment({ replicas: 1 }), service()],
      {
        message: 'replicas 1: at a drain or a crash the Service is empty until',
        field: 'spec.replicas',
        fixed: false,
      },
    ],
    [
      'by default',
      [deployment({ replicas: undefined }), service()],
      { message: 'no replicas written means 1: at a drain' },
    ],
    [
      'another one beside it that has no pods',
      [deployment({ replicas: 1 }), service(), beside('old', { replicas: 0 })],
      { message: 'replicas 1' },
    ],
    [
      'a StatefulSet',
      [ofKind('StatefulSet', 'apps/v1', deployment({ replicas: 1 })), service()],
      { message: 'a rollout, a drain or a crash' },
    ],
  ],
  silent: [
    ['more', [deployment(), service()]],
    ['a canary, and the stable one beside it', [deployment({ replicas: 1 }), service(), beside('stable')]],
    ['an autoscaler', [deployment({ replicas: 1 }), service(), autoscaler()]],
    [
      'left out, and autoscalers are not known',
      [deployment({ replicas: undefined }), service()],
      { unknown: ['HorizontalPodAutoscaler'] },
    ],
    ['no Service', [deployment({ replicas: 1 })]],
    ['only for metrics', [deployment({ replicas: 1 }), service({}, 'web-metrics')]],
    ['a DaemonSet', [ofKind('DaemonSet', 'apps/v1', deployment({ replicas: 1 })), service()]],
  ],
});
