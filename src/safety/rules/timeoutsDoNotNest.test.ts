import { app, deployment, type Manifest, service, withApp } from '../testing/manifests.ts';
import { testRule } from '../testing/ruleTable.ts';
import { timeoutsDoNotNest } from './timeoutsDoNotNest.ts';

const annotated = (manifest: Manifest, annotations: object, name: string): Manifest => ({
  ...manifest,
  metadata: { namespace: 'shop', name, annotations },
});
const delayed = (attributes: string) =>
  annotated(service(), { 'service.beta.kubernetes.io/aws-load-balancer-target-group-attributes': attributes }, 'web');
const draining = (enabled: string) =>
  annotated(
    service(),
    {
      'service.beta.kubernetes.io/aws-load-balancer-connection-draining-enabled': enabled,
      'service.beta.kubernetes.io/aws-load-balancer-connection-draining-timeout': '120',
    },
    'web',
  );
const ingress = (annotations: object, name = 'web') =>
  annotated(
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      spec: { rules: [{ http: { paths: [{ backend: { service: { name } } }] } }] },
    },
    annotations,
    'shop',
  );

testRule(timeoutsDoNotNest, {
  says: [
    [
      'deregistration',
      [deployment(), delayed('deregistration_delay.timeout_seconds=120')],
      {
        message: 'deregistration delay of Service web is 120 s, but grace is 30 s: later answers are cut',
        field: 'spec.template.spec.terminationGracePeriodSeconds',
        fixed: false,
      },
    ],
    [
      'among other attributes',
      [deployment(), delayed('stickiness.enabled=true, deregistration_delay.timeout_seconds=31')],
      { message: '31 s' },
    ],
    [
      'nginx ingress',
      [deployment(), service(), ingress({ 'nginx.ingress.kubernetes.io/proxy-read-timeout': '3600' })],
      { message: 'proxy-read-timeout of Ingress shop is 3600 s, but grace 30 s - preStop 5 s = 25 s' },
    ],
    [
      'a request may take longer than the application drains, however long the grace period',
      [
        withApp({ args: ['uvicorn', '--timeout-graceful-shutdown', '10'] }, { terminationGracePeriodSeconds: 3600 }),
        service(),
        ingress({ 'nginx.ingress.kubernetes.io/proxy-read-timeout': '60' }),
      ],
      { message: 'is 60 s, but container app drains for 10 s: later answers are cut' },
    ],
    [
      'a drain that does not fit itself',
      [
        withApp({ args: ['gunicorn', '--graceful-timeout', '90'] }),
        service(),
        ingress({ 'nginx.ingress.kubernetes.io/proxy-read-timeout': '60' }),
      ],
      { message: 'is 60 s, but grace 30 s - preStop 5 s = 25 s' },
    ],
    [
      'a hook that takes all of the grace period is no matter to the load balancer',
      [
        withApp({ lifecycle: { preStop: { sleep: { seconds: 30 } } } }),
        delayed('deregistration_delay.timeout_seconds=99'),
      ],
      { message: 'is 99 s, but grace is 30 s' },
    ],
    [
      'nginx ingress, the longer of the two',
      [
        deployment(),
        service(),
        ingress({
          'nginx.ingress.kubernetes.io/proxy-read-timeout': '60',
          'nginx.ingress.kubernetes.io/proxy-send-timeout': '600s',
        }),
      ],
      { message: 'proxy-send-timeout of Ingress shop is 600 s' },
    ],
    [
      'a classic ELB',
      [deployment(), draining('true')],
      { message: 'connection draining of Service web is 120 s, but grace is 30 s' },
    ],
    [
      'ALB ingress',
      [
        deployment(),
        service(),
        ingress({ 'alb.ingress.kubernetes.io/target-group-attributes': 'deregistration_delay.timeout_seconds=60' }),
      ],
      { message: 'deregistration delay of Ingress shop is 60 s' },
    ],
  ],
  silent: [
    ['it fits', [deployment(), delayed('deregistration_delay.timeout_seconds=30')]],
    [
      'the delay runs beside preStop, not after it',
      [
        withApp({ lifecycle: { preStop: { sleep: { seconds: 40 } } } }, { terminationGracePeriodSeconds: 75 }),
        delayed('deregistration_delay.timeout_seconds=60'),
      ],
    ],
    [
      'a request fits into the drain',
      [
        withApp({ args: ['uvicorn', '--timeout-graceful-shutdown', '60'] }, { terminationGracePeriodSeconds: 70 }),
        service(),
        ingress({ 'nginx.ingress.kubernetes.io/proxy-read-timeout': '60' }),
      ],
    ],
    [
      'the drain of a container that does not serve',
      [
        deployment(
          {},
          { containers: [app(), { name: 'jobs', command: ['gunicorn', '--graceful-timeout', '1'], ports: [] }] },
        ),
        service(),
        ingress({ 'nginx.ingress.kubernetes.io/proxy-read-timeout': '20' }),
      ],
    ],
    ['a classic ELB that does not drain', [deployment(), draining('false')]],
    ['nothing is written', [deployment(), service()]],
    ['another attribute', [deployment(), delayed('xderegistration_delay.timeout_seconds=99')]],
    ['no number', [deployment(), delayed('deregistration_delay.timeout_seconds=x')]],
    [
      'an ingress to another Service',
      [deployment(), service(), ingress({ 'nginx.ingress.kubernetes.io/proxy-read-timeout': '3600' }, 'api')],
    ],
    [
      'a hook that takes all of it',
      [
        withApp({ lifecycle: { preStop: { sleep: { seconds: 30 } } } }),
        service(),
        ingress({ 'nginx.ingress.kubernetes.io/proxy-read-timeout': '3600' }),
      ],
    ],
  ],
});
