import { splitScript } from '../../contract/index.ts';
import { scriptOf } from '../containerScript.ts';
import { SERVERS } from '../kinds.ts';
import { containerField } from '../paths.ts';
import { defineRule, short } from '../rule.ts';

/** Words by which a script passes signals on, or replaces its shell. */
const passesOn = /(^|[\s;&|({])(exec|trap|tini|dumb-init|catatonit|s6-\S+|supervisord)(\s|$)/;

export const shellKeepsSignal = defineRule(
  {
    code: 'GR205',
    name: 'shell-keeps-signal',
    title: 'A shell is process 1 and does not pass SIGTERM on',
    level: 'strict',
    severity: 'warning',
    since: 'v1',
    hasFix: false,
    appliesTo: SERVERS,
    why: 'The kernel does not deliver SIGTERM to process 1 of a container unless it has a handler (man 7 pid_namespaces), and a shell that waits for its child has none and does not pass it on. The application never learns that it should stop: it serves until SIGKILL at the end of the grace period, and what is under way then is lost. Some shells replace themselves by the last command of a script, which is why this rule is strict; scripts of one simple command are left out.',
    example: `apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - name: app
          image: example.com/web:1.2.3
          command: [sh, -c, "./migrate && ./server | tee /var/log/server"]
`,
    fixText: 'Start the server with exec ("./migrate && exec ./server"), or put an init such as tini before the shell.',
  },
  ({ workload, facts }) =>
    workload.template.spec.shareProcessNamespace === true
      ? []
      : facts.running.flatMap((running) => {
          const { container } = running;
          const script = scriptOf(container);
          if (script === undefined || passesOn.test(script)) return [];
          const { commands, understood } = splitScript(script);
          if (understood && commands.length <= 1 && commands.every(({ endsIn }) => endsIn === '')) return [];
          return [
            {
              container: container.name,
              field: containerField(workload, running, 'command'),
              message: `container ${short(container.name)}: its shell may keep SIGTERM from the server, which is killed after ${facts.graceSeconds} s of grace`,
              remedy: 'begin the command that serves with exec, or put an init such as tini before the shell',
            },
          ];
        }),
);
