import { app, deployment, ofKind, service, withApp } from '../testing/manifests.ts';
import { testRule } from '../testing/ruleTable.ts';
import { readinessProbeMissing } from './readinessProbeMissing.ts';

const bare = withApp({ readinessProbe: undefined });
const proxy = app({ name: 'proxy', ports: [{ name: 'proxy', containerPort: 9000 }], readinessProbe: undefined });

testRule(readinessProbeMissing, {
  says: [
    [
      'no probe at all',
      [bare, service()],
      {
        message: 'shop/web: container app serves without a readinessProbe',
        field: 'spec.template.spec.containers[app].readinessProbe',
        fixed: false,
      },
    ],
    [
      'only a liveness probe',
      [withApp({ readinessProbe: undefined, livenessProbe: {} }), service()],
      { message: 'app' },
    ],
    [
      'a startupProbe, which keeps it unready until it has started',
      [withApp({ readinessProbe: undefined, startupProbe: { httpGet: { port: 'http' } } }), service()],
      {
        message: 'container app has no readinessProbe: started once, it gets requests even while it hangs',
        level: 'strict',
        severity: 'warning',
        fixed: false,
      },
    ],
    [
      'a startupProbe and liveness, which only restarts',
      [withApp({ readinessProbe: undefined, startupProbe: {}, livenessProbe: {} }), service()],
      { message: 'started once', level: 'strict', severity: 'warning' },
    ],
    [
      'a startupProbe behind a headless Service',
      [withApp({ readinessProbe: undefined, startupProbe: {} }), service({ clusterIP: 'None' })],
      { message: 'started once', level: 'strict', severity: 'warning' },
    ],
    [
      'the probe is on another container',
      [deployment({}, { containers: [app(), proxy] }), service({ ports: [{ port: 80, targetPort: 'proxy' }] })],
      { message: 'container proxy serves' },
    ],
    [
      'a native sidecar serves',
      [
        deployment({}, { initContainers: [{ ...proxy, restartPolicy: 'Always' }] }),
        service({ ports: [{ port: 80, targetPort: 9000 }] }),
      ],
      { message: 'container proxy', field: 'spec.template.spec.initContainers[proxy].readinessProbe' },
    ],
    [
      'a port that is not declared',
      [withApp({ readinessProbe: undefined, ports: undefined }), service({ ports: [{ port: 8080 }] })],
      { message: 'app' },
    ],
    [
      'a port that none of two containers declares: which of them serves is a guess',
      [deployment({}, { containers: [app(), { name: 'helper' }] }), service({ ports: [{ port: 80 }] })],
      { message: 'container helper', level: 'strict', severity: 'warning' },
    ],
    ['a StatefulSet', [ofKind('StatefulSet', 'apps/v1', bare), service()], { message: 'app' }],
    ['a Rollout', [ofKind('Rollout', 'argoproj.io/v1alpha1', bare), service()], { message: 'app' }],
    [
      'a headless Service',
      [bare, service({ clusterIP: 'None' })],
      { message: 'app', level: 'strict', severity: 'warning' },
    ],
    [
      'a port for metrics',
      [bare, service({ ports: [{ name: 'http-metrics', port: 80, targetPort: 'http' }] })],
      { message: 'app', level: 'strict', severity: 'warning' },
    ],
    [
      'a port that the container names metrics',
      [
        withApp({ readinessProbe: undefined, ports: [{ name: 'metrics', containerPort: 8080 }] }),
        service({ ports: [{ port: 8080 }] }),
      ],
      { message: 'app', level: 'strict', severity: 'warning' },
    ],
  ],
  silent: [
    ['a probe', [deployment(), service()]],
    ['a startupProbe and a readinessProbe', [withApp({ startupProbe: {} }), service()]],
    ['no Service', [bare]],
    ['Services are not known', [bare], { unknown: ['Service'] }],
    ['a Service of other pods', [bare, service({ selector: { app: 'api' } })]],
    ['a Service of another namespace', [bare, { ...service(), metadata: { namespace: 'other', name: 'web' } }]],
    ['a Service without a selector', [bare, service({ selector: undefined })]],
    ['an ExternalName', [bare, service({ type: 'ExternalName' })]],
    ['a sidecar that does not serve', [deployment({}, { containers: [app(), proxy] }), service()]],
    [
      'which of two containers serves is not known',
      [
        deployment({}, { containers: [app({ ports: undefined }), { name: 'logs', image: 'example.com/logs:1' }] }),
        service({ ports: [{ port: 8080 }] }),
      ],
    ],
    ['a Job', [ofKind('Job', 'batch/v1', bare), service()]],
  ],
});
