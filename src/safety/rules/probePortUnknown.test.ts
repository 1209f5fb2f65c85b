import { app, deployment, ofKind, withApp } from '../testing/manifests.ts';
import { testRule } from '../testing/ruleTable.ts';
import { probePortUnknown } from './probePortUnknown.ts';

const asking = (port: unknown, member = 'readinessProbe') => withApp({ [member]: { httpGet: { port } } });

testRule(probePortUnknown, {
  says: [
    [
      'a name that is not there',
      [asking('web')],
      {
        message: 'shop/web: container app: readinessProbe asks port "web", which the container does not have',
        field: 'spec.template.spec.containers[app].readinessProbe',
        fixed: false,
      },
    ],
    ['of a startup probe', [asking('web', 'startupProbe')], { message: 'startupProbe' }],
    [
      'of a liveness probe by TCP',
      [withApp({ livenessProbe: { tcpSocket: { port: 'x' } } })],
      {
        message: 'livenessProbe asks port "x", which the container does not have: restarts nothing',
        level: 'strict',
        severity: 'warning',
      },
    ],
    [
      'a name of another container',
      [
        deployment(
          {},
          { containers: [app(), app({ name: 'two', ports: [], readinessProbe: { httpGet: { port: 'http' } } })] },
        ),
      ],
      { message: 'container two' },
    ],
    [
      'in a CronJob',
      [cronJob()],
      { message: 'web', field: 'spec.jobTemplate.spec.template.spec.containers[app].readinessProbe' },
    ],
    [
      'a number beside others',
      [asking(9090)],
      { message: 'asks port 9090, but the pod declares only 8080', level: 'strict', severity: 'info' },
    ],
    [
      'a gRPC port',
      [withApp({ readinessProbe: { grpc: { port: 9 } } })],
      { message: 'port 9', level: 'strict', severity: 'info' },
    ],
  ],
  silent: [
    ['the name', [deployment()]],
    ['the number', [asking(8080)]],
    [
      'a number of another container',
      [
        deployment(
          {},
          {
            containers: [
              app({ readinessProbe: { httpGet: { port: 1 } } }),
              app({ name: 'b', ports: [{ name: 'http', containerPort: 1 }] }),
            ],
          },
        ),
      ],
    ],
    ['a number where nothing is declared', [withApp({ ports: undefined, readinessProbe: { httpGet: { port: 1 } } })]],
    ['another host', [withApp({ readinessProbe: { httpGet: { port: 'web', host: 'db' } } })]],
    ['a command', [withApp({ readinessProbe: { exec: { command: ['true'] } } })]],
    ['a number as text', [asking('9090')]],
  ],
});

function cronJob() {
  const { spec } = asking('web');
  return ofKind('CronJob', 'batch/v1', { ...asking('web'), spec: { jobTemplate: { spec } } });
}
