import { ofKind, withApp } from '../testing/manifests.ts';
import { testRule } from '../testing/ruleTable.ts';
import { shellKeepsSignal } from './shellKeepsSignal.ts';

const script = (script: string) => withApp({ command: ['sh', '-c', script] });

testRule(shellKeepsSignal, {
  says: [
    [
      'two commands',
      [script('./migrate; ./server')],
      {
        message: 'its shell may keep SIGTERM from the server, which is killed after 30 s',
        field: 'spec.template.spec.containers[app].command',
        fixed: false,
      },
    ],
    ['a pipe', [script('./server | tee log')], { message: 'shell' }],
    ['in the background', [script('./server & sleep infinity')], { message: 'shell' }],
    ['a loop', [script('while true; do ./server; done')], { message: 'shell' }],
    ['the script is in args', [withApp({ command: ['/bin/bash', '-ec'], args: ['./a && ./b'] })], { message: 'shell' }],
  ],
  silent: [
    ['one command', [script('./server --port 8080')]],
    ['exec', [script('./migrate && exec ./server')]],
    ['a trap', [script("trap 'kill %1' TERM; ./server & wait")]],
    ['an init', [withApp({ command: ['tini', '--', 'sh', '-c', './a; ./b'] })]],
    ['a file', [withApp({ command: ['sh', '/start.sh'] })]],
    ['no command: the image decides', [withApp({ args: ['sh', '-c', './a; ./b'] })]],
    ['another process 1', [withApp({ command: ['sh', '-c', './a; ./b'] }, { shareProcessNamespace: true })]],
    ['a Job', [ofKind('Job', 'batch/v1', script('./a; ./b'))]],
  ],
});
