import { deployment, type Manifest, service } from '../testing/manifests.ts';
import { testRule } from '../testing/ruleTable.ts';
import { readinessGateMissing } from './readinessGateMissing.ts';

const balancer = (targetType: string): Manifest => ({
  ...service({ type: 'LoadBalancer' }),
  metadata: {
    namespace: 'shop',
    name: 'web',
    annotations: { 'service.beta.kubernetes.io/aws-load-balancer-nlb-target-type': targetType },
  },
});
const ingress: Manifest = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  metadata: { namespace: 'shop', name: 'shop', annotations: { 'alb.ingress.kubernetes.io/target-type': 'ip' } },
  spec: { defaultBackend: { service: { name: 'web' } } },
};
const unlabelled = { more: { namespaceLabels: {} } };
const labelled = { more: { namespaceLabels: { 'elbv2.k8s.aws/pod-readiness-gate-inject': 'enabled' } } };

testRule(readinessGateMissing, {
  says: [
    [
      'a network load balancer',
      [deployment(), balancer('ip')],
      { message: 'Service web targets pods by IP', fixed: false },
      unlabelled,
    ],
    ['an ingress', [deployment(), service(), ingress], { message: 'Ingress shop targets pods by IP' }, unlabelled],
  ],
  silent: [
    ['the namespace has the label', [deployment(), balancer('ip')], labelled],
    ['nodes are the targets', [deployment(), balancer('instance')], unlabelled],
    ['no load balancer', [deployment(), service()], unlabelled],
    ['the labels are not known', [deployment(), balancer('ip')]],
  ],
});
