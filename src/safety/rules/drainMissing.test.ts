import { app, deployment, gracefulRollout, ofKind, service, withApp } from '../testing/manifests.ts';
import { testRule } from '../testing/ruleTable.ts';
import { drainMissing } from './drainMissing.ts';

const bare = withApp({ lifecycle: undefined });

testRule(drainMissing, {
  says: [
    [
      'no hook',
      [bare, service()],
      {
        message: 'shop/web: container app gets SIGTERM while Services still send to it',
        field: 'spec.template.spec.containers[app].lifecycle.preStop',
        fixed: true,
      },
    ],
    [
      'a sleep of 0',
      [withApp({ lifecycle: { preStop: { sleep: { seconds: 0 } } } }), service()],
      { message: 'app', fixed: true },
    ],
    [
      'a short grace period is raised with it',
      [withApp({ lifecycle: undefined }, { terminationGracePeriodSeconds: 3 }), service()],
      { message: 'app', fixed: true },
    ],
    [
      'a hook that stops the server at once',
      [withApp({ lifecycle: { preStop: { exec: { command: ['nginx', '-s', 'quit'] } } } }), service()],
      { message: 'container app: preStop runs nginx -s quit at once', fixed: false },
    ],
    ['only an audit by the operator', [bare, service(), gracefulRollout({ mode: 'Audit' })], { message: 'app' }],
    [
      'of two that serve the one without',
      [
        deployment({}, { containers: [app(), app({ name: 'two', lifecycle: undefined })] }),
        service({ ports: [{ port: 8080 }] }),
      ],
      { message: 'container two' },
    ],
    ['a DaemonSet', [ofKind('DaemonSet', 'apps/v1', bare), service()], { message: 'app', fixed: true }],
    ['a headless Service', [bare, service({ clusterIP: 'None' })], { message: 'app' }],
  ],
  silent: [
    ['a sleep', [deployment(), service()]],
    ['a hook of another kind', [withApp({ lifecycle: { preStop: { httpGet: { port: 8080 } } } }), service()]],
    [
      'a script that traps the signal',
      [withApp({ command: ['sh', '-c', 'trap stop TERM; ./server & wait'], lifecycle: undefined }), service()],
    ],
    ['the operator sees to it', [bare, service(), gracefulRollout()]],
    ['no Service', [bare]],
    ['Services are not known', [bare], { unknown: ['Service'] }],
    [
      'a bare pod',
      [
        {
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: { name: 'web', namespace: 'shop', labels: { app: 'web' } },
          spec: { containers: [app({ lifecycle: undefined })] },
        },
        service(),
      ],
    ],
    ['a server that another rule knows', [withApp({ lifecycle: undefined, image: 'nginx:1' }), service()]],
  ],
});
