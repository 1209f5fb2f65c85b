import { app, deployment, ofKind, withApp } from '../testing/manifests.ts';
import { testRule } from '../testing/ruleTable.ts';
import { progressDeadlineShort } from './progressDeadlineShort.ts';

const starting = (progressDeadlineSeconds?: number, failureThreshold = 30, change = {}) =>
  deployment(
    { progressDeadlineSeconds, ...change },
    { containers: [app({ startupProbe: { tcpSocket: { port: 8080 }, failureThreshold } })] },
  );

testRule(progressDeadlineShort, {
  says: [
    [
      'a start that may take longer',
      [starting(120)],
      {
        message: 'progressDeadlineSeconds 120, but a start may take 300 s + minReadySeconds 0 = 300 s',
        field: 'spec.progressDeadlineSeconds',
        fixed: true,
      },
    ],
    [
      'than the default',
      [starting(undefined, 61)],
      { message: 'progressDeadlineSeconds 600, but a start may take 610 s', fixed: true },
    ],
    ['just as long', [starting(300)], { message: '300 s', fixed: true }],
    [
      'with minReadySeconds',
      [starting(320, 30, { minReadySeconds: 20 })],
      { message: '+ minReadySeconds 20 = 320 s', fixed: true },
    ],
    [
      'readiness only asks after it',
      [
        deployment(
          { progressDeadlineSeconds: 60 },
          { containers: [app({ readinessProbe: { tcpSocket: { port: 1 }, initialDelaySeconds: 60 } })] },
        ),
      ],
      { message: '60 s', fixed: true },
    ],
    [
      'of an Argo Rollout',
      [ofKind('Rollout', 'argoproj.io/v1alpha1', starting(120))],
      { message: '300 s', fixed: true },
    ],
  ],
  silent: [
    ['the defaults', [deployment()]],
    ['a StatefulSet has none', [ofKind('StatefulSet', 'apps/v1', starting(120))]],
    ['a second more', [starting(301)]],
    ['a number that is a mistake', [starting(60, 1e9)]],
    ['no startup probe', [withApp({ startupProbe: undefined })]],
  ],
});
