import { budget, deployment } from '../testing/manifests.ts';
import { testRule } from '../testing/ruleTable.ts';
import { budgetsOverlap } from './budgetsOverlap.ts';

testRule(budgetsOverlap, {
  says: [
    [
      'two',
      [deployment(), budget(), budget({ minAvailable: 1 }, 'web-2')],
      { message: '2 PodDisruptionBudgets select its pods (web, web-2): every eviction fails with 500', fixed: false },
    ],
    ['one for all pods', [deployment(), budget(), budget({ selector: {} }, 'all')], { message: '(web, all)' }],
  ],
  silent: [
    ['one', [deployment(), budget()]],
    ['none', [deployment()]],
    ['a base and its patch', [deployment(), budget(), budget({ minAvailable: 1 })]],
    [
      'those of two namespaces, of a workload that names none',
      [
        { ...deployment(), metadata: { name: 'web' } },
        budget(),
        { ...budget(), metadata: { namespace: 'other', name: 'web-2' } },
      ],
    ],
    [
      'one of another namespace',
      [deployment(), budget(), { ...budget(), metadata: { namespace: 'other', name: 'web' } }],
    ],
    ['one of other pods', [deployment(), budget(), budget({ selector: { matchLabels: { app: 'api' } } }, 'api')]],
    [
      'one that cannot be read',
      [deployment(), budget(), budget({ selector: { matchExpressions: [{ key: 'app', operator: 'Near' }] } }, 'x')],
    ],
  ],
});
