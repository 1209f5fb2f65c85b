import { hookSleep } from '../../contract/index.ts';
import { shelllessReason } from '../image.ts';
import { EVERY_KIND } from '../kinds.ts';
import { containerField, sleepEdit } from '../paths.ts';
import { defineRule, short } from '../rule.ts';
import { graceForSleep } from '../stopping.ts';

const programs = new Set([
  'sh',
  'bash',
  'ash',
  'dash',
  'zsh',
  'ksh',
  'sleep',
  'busybox',
  'env',
  'timeout',
  'curl',
  'wget',
]);

export const execWithoutShell = defineRule(
  {
    code: 'GR204',
    name: 'exec-without-shell',
    title: 'The preStop hook runs a program that the image does not have',
    level: 'baseline',
    severity: 'error',
    since: 'v1',
    hasFix: true,
    appliesTo: EVERY_KIND,
    why: 'An exec hook runs a program of the image. Images without a shell (distroless, scratch; known by name or tag) have no sh and no sleep: the hook fails at once (event FailedPreStopHook) and SIGTERM follows without any delay (pkg/kubelet/lifecycle/handlers.go). preStop.sleep is done by the kubelet and needs nothing in the image (KEP-3960, Kubernetes 1.30 and later).',
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
          image: gcr.io/distroless/static-debian12:nonroot
          lifecycle: { preStop: { exec: { command: [sh, -c, "sleep 5"] } } }
`,
    fixText:
      'Write a native sleep: lifecycle.preStop.sleep.seconds. There is an automatic fix where the hook does nothing but sleep.',
  },
  ({ workload, facts }) =>
    facts.running.flatMap((running) => {
      const { container } = running;
      const preStop = container.lifecycle?.preStop;
      const program = preStop?.exec?.command?.[0]?.split('/').at(-1) ?? '';
      const reason = shelllessReason(container.image);
      if (reason === undefined || !programs.has(program)) return [];
      const sleep = hookSleep(preStop);
      const seconds =
        sleep?.exact === true && sleep.seconds > 0 && sleep.seconds <= 3_600 ? Math.ceil(sleep.seconds) : undefined;
      return [
        {
          container: container.name,
          field: containerField(workload, running, 'lifecycle.preStop.exec'),
          message: `container ${short(container.name)}: preStop runs ${program}, which a ${reason} image lacks: SIGTERM at once`,
          remedy: `write lifecycle.preStop.sleep.seconds: ${seconds ?? 5}, which needs no program`,
          ...(seconds === undefined
            ? {}
            : { fix: [sleepEdit(workload, running, seconds), ...graceForSleep(workload, facts, running, seconds)] }),
        },
      ];
    }),
);
