import { budget, deployment, type Manifest } from '../testing/manifests.ts';
import { testRule } from '../testing/ruleTable.ts';
import { budgetSelectsNothing } from './budgetSelectsNothing.ts';

const api: Manifest = {
  ...deployment({ template: { metadata: { labels: { app: 'api' } }, spec: { containers: [] } } }),
  metadata: { namespace: 'shop', name: 'api' },
};

testRule(budgetSelectsNothing, {
  says: [
    [
      'a typing error',
      [deployment(), budget({ selector: { matchLabels: { app: 'wbe' } } })],
      { message: 'PodDisruptionBudget web selects none of its pods', fixed: false },
    ],
    ['no selector', [deployment(), budget({ selector: undefined })], { message: 'none of its pods' }],
  ],
  silent: [
    ['its pods', [deployment(), budget()]],
    ['another name', [deployment(), budget({ selector: { matchLabels: { app: 'api' } } }, 'api')]],
    ['another workload', [deployment(), budget({ selector: { matchLabels: { app: 'api' } } }), api]],
    ['none', [deployment()]],
  ],
});
