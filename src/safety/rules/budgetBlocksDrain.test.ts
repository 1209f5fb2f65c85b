import { budget, deployment, type Manifest, ofKind } from '../testing/manifests.ts';
import { testRule } from '../testing/ruleTable.ts';
import { budgetBlocksDrain } from './budgetBlocksDrain.ts';

const other: Manifest = { ...ofKind('StatefulSet', 'apps/v1'), metadata: { namespace: 'shop', name: 'other' } };

testRule(budgetBlocksDrain, {
  says: [
    [
      'as many as there are',
      [deployment(), budget({ minAvailable: 3 })],
      { message: 'PodDisruptionBudget web: minAvailable 3 of 3 pods allows 0 evictions', fixed: false },
    ],
    [
      'a percentage that rounds up',
      [deployment(), budget({ minAvailable: '67%' })],
      { message: 'minAvailable 67% of 3' },
    ],
    ['maxUnavailable 0', [deployment(), budget({ maxUnavailable: 0 })], { message: 'maxUnavailable 0 of 3' }],
    ['maxUnavailable 0%', [deployment(), budget({ maxUnavailable: '0%' })], { message: 'maxUnavailable 0%' }],
    [
      'of the only pod',
      [deployment({ replicas: 1 }), budget({ minAvailable: 1 })],
      { message: 'minAvailable 1 of 1 pod allows 0' },
    ],
  ],
  silent: [
    ['one may go', [deployment(), budget({ minAvailable: 2 })]],
    ['a percentage', [deployment(), budget({ maxUnavailable: '1%' })]],
    ['nothing that can be read', [deployment(), budget({ minAvailable: 'all' })]],
    ['of other pods', [deployment(), budget({ minAvailable: 3, selector: { matchLabels: { app: 'api' } } })]],
    ['over several workloads', [deployment(), budget({ minAvailable: 3 }), other]],
    ['scaled to 0', [deployment({ replicas: 0 }), budget({ maxUnavailable: 0 })]],
  ],
});
