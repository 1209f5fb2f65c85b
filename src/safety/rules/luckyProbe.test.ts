import { app, deployment, ofKind, service, withApp } from '../testing/manifests.ts';
import { testRule } from '../testing/ruleTable.ts';
import { luckyProbe } from './luckyProbe.ts';

const tcp = { tcpSocket: { port: 8080 } };

testRule(luckyProbe, {
  says: [
    [
      'an open port',
      [withApp({ readinessProbe: tcp }), service()],
      {
        message: 'one open port makes it ready',
        field: 'spec.template.spec.containers[app].readinessProbe.tcpSocket',
        fixed: true,
      },
    ],
    [
      'of an Argo Rollout',
      [ofKind('Rollout', 'argoproj.io/v1alpha1', withApp({ readinessProbe: tcp })), service()],
      { message: 'one open port', fixed: true },
    ],
  ],
  silent: [
    ['httpGet', [deployment(), service()]],
    [
      'minReadySeconds',
      [deployment({ minReadySeconds: 1 }, { containers: [app({ readinessProbe: tcp })] }), service()],
    ],
    ['twice in a row', [withApp({ readinessProbe: { ...tcp, successThreshold: 2 } }), service()]],
    [
      'a deadline that leaves no room',
      [deployment({ progressDeadlineSeconds: 5 }, { containers: [app({ readinessProbe: tcp })] }), service()],
    ],
    ['a StatefulSet', [ofKind('StatefulSet', 'apps/v1', withApp({ readinessProbe: tcp })), service()]],
    ['no Service', [withApp({ readinessProbe: tcp })]],
  ],
});
