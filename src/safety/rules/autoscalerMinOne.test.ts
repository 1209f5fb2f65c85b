import { autoscaler, beside, deployment, service } from '../testing/manifests.ts';
import { testRule } from '../testing/ruleTable.ts';
import { autoscalerMinOne } from './autoscalerMinOne.ts';

testRule(autoscalerMinOne, {
  says: [
    [
      'written',
      [deployment(), service(), autoscaler({ minReplicas: 1 })],
      { message: 'HPA web may leave 1 pod', field: 'spec.replicas', fixed: false },
    ],
    ['by default', [deployment(), service(), autoscaler({ minReplicas: undefined })], { message: 'minReplicas 1' }],
  ],
  silent: [
    ['two', [deployment(), service(), autoscaler()]],
    ['none: it is meant to be empty', [deployment(), service(), autoscaler({ minReplicas: 0 })]],
    ['others beside it', [deployment(), service(), beside('stable'), autoscaler({ minReplicas: 1 })]],
    ['no autoscaler', [deployment(), service()]],
    ['no Service', [deployment(), autoscaler({ minReplicas: 1 })]],
  ],
});
