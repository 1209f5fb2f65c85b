import { deployment, gracefulRollout, ofKind, withApp } from '../testing/manifests.ts';
import { testRule } from '../testing/ruleTable.ts';
import { preStopTakesGrace } from './preStopTakesGrace.ts';

const exec = (...command: string[]) => ({ exec: { command } });
const sleeping = (preStop: object, terminationGracePeriodSeconds?: number) =>
  withApp({ lifecycle: { preStop } }, { terminationGracePeriodSeconds });

testRule(preStopTakesGrace, {
  says: [
    [
      'native, as long as the default',
      [sleeping({ sleep: { seconds: 30 } })],
      {
        message: 'preStop takes 30 s of 30 s grace',
        field: 'spec.template.spec.containers[app].lifecycle.preStop',
        fixed: true,
      },
    ],
    ['by a shell', [sleeping(exec('sh', '-c', 'sleep 1m'), 45)], { message: 'takes 60 s of 45 s', fixed: true }],
    [
      'chained',
      [sleeping(exec('/bin/sh', '-c', 'sleep 20 && nginx -s quit; sleep 15'))],
      { message: 'preStop takes at least 35 s', fixed: true },
    ],
    ['summed up', [sleeping(exec('sleep', '20', '15.5'))], { message: 'takes 35.5 s', fixed: true }],
    ['without an end', [sleeping(exec('sleep', 'infinity'))], { message: 'preStop never ends of 30 s', fixed: false }],
    ['for days', [sleeping(exec('sleep', '2d'))], { message: 'takes 172800 s', fixed: false }],
    ['a Job', [ofKind('Job', 'batch/v1', sleeping({ sleep: { seconds: 30 } }))], { message: '30 s', fixed: true }],
    [
      'without an end, though the operator is there',
      [sleeping(exec('sleep', 'inf')), gracefulRollout()],
      { message: 'never ends' },
    ],
  ],
  silent: [
    ['a second less', [sleeping({ sleep: { seconds: 29 } })]],
    ['no hook', [withApp({ lifecycle: undefined })]],
    ['a hook that nobody knows', [sleeping(exec('/app/drain'))]],
    ['a hook of 0 s and no grace', [sleeping({ sleep: { seconds: 0 } }, 0)]],
    ['the operator makes room for it', [sleeping({ sleep: { seconds: 40 } }), gracefulRollout()]],
    [
      'an init container',
      [deployment({}, { initContainers: [{ name: 'init', lifecycle: { preStop: { sleep: { seconds: 99 } } } }] })],
    ],
  ],
});
