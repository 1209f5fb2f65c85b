import { SERVERS } from '../kinds.ts';
import { containerField, containerPath, rawAt } from '../paths.ts';
import { earliestEffectSeconds } from '../probes.ts';
import { record } from '../read.ts';
import { defineRule, short } from '../rule.ts';
import type { Edit, Path } from '../types.ts';

/** A start that gets less than this from its livenessProbe is a matter of luck on a busy node. */
const shortestStartSeconds = 5;
/** What the fix allows a start to take. */
const startSeconds = 300;

export const livenessKillsStart = defineRule(
  {
    code: 'GR104',
    name: 'liveness-kills-start',
    title: 'The liveness probe can kill the container while it starts',
    level: 'strict',
    severity: 'warning',
    since: 'v1',
    hasFix: true,
    appliesTo: SERVERS,
    why: 'Without a startupProbe liveness counts from the start of the container (initialDelaySeconds + (failureThreshold - 1) x periodSeconds until the restart, pkg/kubelet/prober/worker.go). A start that is slower once, on a busy node or with a cold cache, is then restarted, and slower still the next time. That readiness first asks later than liveness gives up says that such a start is expected.',
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
          readinessProbe: { httpGet: { path: /ready, port: 8080 }, initialDelaySeconds: 60 }
          livenessProbe: { httpGet: { path: /live, port: 8080 } }
`,
    fixText:
      'Add a startupProbe that asks the same as the livenessProbe: until it succeeds, liveness does not ask. The fix allows a start of 300 s.',
  },
  ({ workload, facts }) =>
    facts.running.flatMap((running) => {
      const { name, livenessProbe, readinessProbe, startupProbe } = running.container;
      if (livenessProbe === undefined || startupProbe !== undefined) return [];
      const killSeconds = earliestEffectSeconds(livenessProbe);
      const readySeconds = readinessProbe?.initialDelaySeconds ?? 0;
      if (killSeconds >= shortestStartSeconds && killSeconds >= readySeconds) return [];
      const reason =
        killSeconds < readySeconds
          ? `readinessProbe first asks at ${readySeconds} s`
          : 'however slow the start is on a busy node';
      const probe = rawAt(workload, containerPath(workload, running, 'livenessProbe'));
      return [
        {
          container: name,
          field: containerField(workload, running, 'livenessProbe'),
          message: `container ${short(name)}: livenessProbe can kill it ${killSeconds} s after its start, ${reason}`,
          remedy: `add a startupProbe that asks the same and allows ${startSeconds} s (failureThreshold x periodSeconds)`,
          fix: [startupEdit(containerPath(workload, running, 'startupProbe'), probe)],
        },
      ];
    }),
);

function startupEdit(path: Path, livenessProbe: unknown): Edit {
  const {
    initialDelaySeconds: _delay,
    successThreshold: _success,
    terminationGracePeriodSeconds: _grace,
    ...handler
  } = record(livenessProbe) ?? {};
  return { path, value: { ...handler, periodSeconds: 5, failureThreshold: startSeconds / 5 } };
}
