import { app, deployment, gracefulRollout, type Manifest, service } from '../testing/manifests.ts';
import { testRule } from '../testing/ruleTable.ts';
import { sidecarStopsFirst } from './sidecarStopsFirst.ts';

const proxy: Manifest = { name: 'database', image: 'gcr.io/cloud-sql-connectors/cloud-sql-proxy:2.18.2' };
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
  ],
  silent: [
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
