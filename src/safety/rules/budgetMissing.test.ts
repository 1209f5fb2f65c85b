import { budget, deployment, ofKind, service } from '../testing/manifests.ts';
import { testRule } from '../testing/ruleTable.ts';
import { budgetMissing } from './budgetMissing.ts';

testRule(budgetMissing, {
  says: [
    ['none', [deployment(), service()], { message: 'no PodDisruptionBudget selects its 3 pods', fixed: false }],
    [
      'of other pods',
      [deployment(), service(), budget({ selector: { matchLabels: { app: 'api' } } })],
      { message: 'its 3 pods' },
    ],
    ['without a selector', [deployment(), service(), budget({ selector: undefined })], { message: 'its 3 pods' }],
  ],
  silent: [
    ['one', [deployment(), service(), budget()]],
    ['of all pods', [deployment(), service(), budget({ selector: {} })]],
    [
      'by an expression',
      [
        deployment(),
        service(),
        budget({ selector: { matchExpressions: [{ key: 'app', operator: 'In', values: ['web'] }] } }),
      ],
    ],
    ['budgets are not known', [deployment(), service()], { unknown: ['PodDisruptionBudget'] }],
    ['one pod', [deployment({ replicas: 1 }), service()]],
    ['no Service', [deployment()]],
    ['a DaemonSet', [ofKind('DaemonSet', 'apps/v1'), service()]],
  ],
});
