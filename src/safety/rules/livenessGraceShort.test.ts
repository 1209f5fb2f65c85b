import { deployment, withApp } from '../testing/manifests.ts';
import { testRule } from '../testing/ruleTable.ts';
import { livenessGraceShort } from './livenessGraceShort.ts';

const graceOf = (terminationGracePeriodSeconds: number, member = 'livenessProbe', change = {}) =>
  withApp({ [member]: { httpGet: { port: 8080 }, terminationGracePeriodSeconds }, ...change });

testRule(livenessGraceShort, {
  says: [
    [
      'shorter than preStop',
      [graceOf(4)],
      {
        message: 'a restart by livenessProbe leaves 4 s, but preStop 5 s + drain 0 s = 5 s',
        field: 'spec.template.spec.containers[app].livenessProbe.terminationGracePeriodSeconds',
        fixed: true,
      },
    ],
    ['of a startup probe', [graceOf(1, 'startupProbe')], { message: 'startupProbe leaves 1 s', fixed: true }],
    [
      'shorter than preStop and drain',
      [graceOf(20, 'livenessProbe', { args: ['gunicorn', '--graceful-timeout=20'] })],
      { message: 'preStop 5 s + drain 20 s = 25 s' },
    ],
  ],
  silent: [
    ['none of its own', [deployment()]],
    ['long enough', [graceOf(5)]],
    ['no hook', [graceOf(1, 'livenessProbe', { lifecycle: undefined })]],
    ['a hook that nobody knows', [graceOf(1, 'livenessProbe', { lifecycle: { preStop: { httpGet: { port: 1 } } } })]],
  ],
});
