import { app, deployment, gracefulRollout, type Manifest, service } from '../testing/manifests.ts';
import { testRule } from '../testing/ruleTable.ts';
import { sidecarStopsFirst } from './sidecarStopsFirst.ts';

const proxy: Manifest = { name: 'database', image: 'gcr.io/cloud-sql-connectors/cloud-sql-proxy:2.18.2' };
const istio: Manifest = { name: 'istio-proxy', image: 'docker.io/istio/proxyv2:1.29.0' };
const slow = app({ lifecycle: { preStop: { sleep: { seconds: 10 } } } });
const gunicorn = (change: Manifest = {}) => app({ command: ['gunicorn', '--graceful-timeout', '30'], ...change });
const told = deployment({
  template: {
    metadata: { labels: { app: 'web' }, annotations: { 'proxy.istio.io/config': 'terminationDrainDuration: 20s' } },
    spec: { containers: [slow, istio] },
  },
});
const beside = (container: Manifest) => deployment({}, { containers: [app(), container] });

testRule(sidecarStopsFirst, {
  says: [
    [
      'a database proxy',
      [beside(proxy)],
      {
        message: 'container database gets SIGTERM at once, while app serves on for 5 s',
        field: 'spec.template.spec.containers[database].lifecycle.preStop',
        fixed: true,
      },
    ],
    [
      'listed before the application',
      [deployment({}, { containers: [proxy, app()] })],
      { message: 'database', fixed: true },
    ],
    [
      'a proxy that serves itself',
      [beside({ name: 'rbac', image: 'quay.io/brancz/kube-rbac-proxy:v0.20' }), service()],
      { message: 'rbac', fixed: true },
    ],
    [
      'a drain that is declared',
      [
        deployment({
          template: {
            metadata: { labels: { app: 'web' } },
            spec: { terminationGracePeriodSeconds: 60, containers: [gunicorn(), proxy] },
          },
        }),
      ],
      { message: 'while app serves on for 35 s of preStop and drain', fixed: true },
    ],
    [
      'a drain and no hook, as far as the grace period goes',
      [deployment({}, { containers: [gunicorn({ lifecycle: undefined }), proxy] })],
      { message: 'while app serves on for 25 s of drain', fixed: true },
    ],
    [
      'the proxy of Linkerd',
      [beside({ name: 'linkerd-proxy', image: 'cr.l5d.io/linkerd/proxy:edge-25.1.1' })],
      { message: 'container linkerd-proxy gets SIGTERM', fixed: true },
    ],
    [
      'the proxy of Istio, beyond its own 5 s',
      [deployment({}, { containers: [slow, istio] })],
      { message: 'container istio-proxy gets SIGTERM', fixed: true },
    ],
  ],
  silent: [
    ['the proxy of Istio, within its own 5 s', [beside(istio)]],
    [
      'the proxy of Istio that waits for connections',
      [
        deployment(
          {},
          { containers: [slow, { ...istio, env: [{ name: 'EXIT_ON_ZERO_ACTIVE_CONNECTIONS', value: 'true' }] }] },
        ),
      ],
    ],
    ['the proxy of Istio that was told how long', [told]],
    ['an image called proxy', [beside({ name: 'x', image: 'example.com/proxy:1' })]],
    ['a native sidecar', [deployment({}, { initContainers: [{ ...proxy, restartPolicy: 'Always' }] })]],
    ['a hook of its own', [beside({ ...proxy, lifecycle: { preStop: { sleep: { seconds: 1 } } } })]],
    ['it stays by an option', [beside({ ...proxy, args: ['--max-sigterm-delay=30s'] })]],
    ['a log shipper', [beside({ name: 'logs', image: 'fluent-bit:3' })]],
    ['the application has no hook either', [deployment({}, { containers: [app({ lifecycle: undefined }), proxy] })]],
    [
      'a hook without an end',
      [
        deployment(
          {},
          { containers: [app({ lifecycle: { preStop: { exec: { command: ['sleep', 'inf'] } } } }), proxy] },
        ),
      ],
    ],
    ['the operator sees to it', [beside(proxy), service(), gracefulRollout()]],
  ],
});
