import { hookSleep } from '../../contract/index.ts';
import { programOf } from '../containerScript.ts';
import type { RunningContainer } from '../facts.ts';
import { shelllessReason } from '../image.ts';
import { EVERY_KIND } from '../kinds.ts';
import { containerField, containerPath, rawAt, sleepEdit } from '../paths.ts';
import { list, member, text } from '../read.ts';
import { defineRule, short } from '../rule.ts';
import { graceForSleep } from '../stopping.ts';
import type { Workload } from '../types.ts';

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
    why: 'An exec hook runs a program of the image. Images without a shell (distroless, scratch; known by name or tag) have no sh and no sleep: the hook fails at once (event FailedPreStopHook) and SIGTERM follows without any delay (pkg/kubelet/lifecycle/handlers.go). preStop.sleep is done by the kubelet and needs nothing in the image (KEP-3960, Kubernetes 1.30 and later). Where a volume is mounted over the program or a directory in which it is looked for, it may come from there, and nothing is said.',
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
      const [called = ''] = preStop?.exec?.command ?? [];
      const program = programOf(called);
      const reason = shelllessReason(container.image);
      if (reason === undefined || !programs.has(program) || mayBeMounted(called, workload, running)) return [];
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

/** Of the runtime, where neither image nor manifest say otherwise. */
const usualPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** No PATH names more; the bound keeps the time of a hostile one short. */
const mostDirectories = 100;

/** Whether a volume is mounted where the program would be. */
function mayBeMounted(called: string, workload: Workload, running: RunningContainer): boolean {
  const mounts =
    list(rawAt(workload, containerPath(workload, running, 'volumeMounts')), (mount) =>
      withoutSlash(text(member(mount, 'mountPath'))),
    ) ?? [];
  // as it is looked up: a PATH of the manifest, be it one from elsewhere, hides that of the image
  const path = running.container.env?.find(({ name }) => name === 'PATH');
  if (path !== undefined && path.value === undefined && !called.startsWith('/')) return mounts.length > 0;
  const files = called.startsWith('/')
    ? [called]
    : [...(path?.value ?? usualPath).split(':', mostDirectories), '/busybox'].map(
        (directory) => `${directory}/${called}`,
      );
  return mounts.some((mount) => files.some((file) => file === mount || file.startsWith(`${mount}/`)));
}

function withoutSlash(path: string | undefined): string | undefined {
  return path?.endsWith('/') === true ? path.slice(0, -1) : path;
}
