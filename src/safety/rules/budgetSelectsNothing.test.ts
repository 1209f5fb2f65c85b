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
    ...['web-pdb', 'web-budget', 'web-disruption-budget', 'web-poddisruptionbudget'].map(
      (name) =>
        [
          name,
          [deployment(), budget({ selector: { matchLabels: { app: 'wbe' } } }, name)],
          { message: `PodDisruptionBudget ${name} selects none` },
        ] as const,
    ),
    ['no selector', [deployment(), budget({ selector: undefined })], { message: 'none of its pods' }],
  ],
  silent: [
    ['another name before the suffix', [deployment(), budget({ selector: undefined }, 'web-api-pdb')]],
    ['its pods, with a suffix', [deployment(), budget({ maxUnavailable: 1 }, 'web-pdb')]],
    [
      'another workload, with a suffix',
      [deployment(), budget({ selector: { matchLabels: { app: 'api' } } }, 'web-pdb'), api],
    ],
    ['its pods', [deployment(), budget()]],
    ['another name', [deployment(), budget({ selector: { matchLabels: { app: 'api' } } }, 'api')]],
    ['another workload', [deployment(), budget({ selector: { matchLabels: { app: 'api' } } }), api]],
    ['none', [deployment()]],
  ],
});
