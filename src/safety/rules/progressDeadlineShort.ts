import { longestStartSeconds } from '../probes.ts';
import { defineRule } from '../rule.ts';

/** Beyond this, one of the numbers is a mistake of another kind. */
const longestDeadlineSeconds = 1_000_000;

export const progressDeadlineShort = defineRule(
  {
    code: 'GR307',
    name: 'progress-deadline-short',
    title: 'The rollout is given up before a start may be over',
    level: 'strict',
    severity: 'warning',
    since: 'v1',
    hasFix: true,
    appliesTo: ['Deployment', 'Rollout'],
    why: 'The startupProbe says how long a start may take (initialDelaySeconds + failureThreshold x periodSeconds), minReadySeconds how long a pod must then stay ready. If progressDeadlineSeconds (default 600) is over before that, the Deployment is reported as failed, an Argo Rollout as degraded, although all goes as planned (pkg/controller/deployment/progress.go): helm --atomic and pipelines then roll back a healthy release.',
    example: `apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  progressDeadlineSeconds: 120
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - name: app
          image: example.com/web:1.2.3
          ports: [{ containerPort: 8080 }]
          startupProbe: { httpGet: { path: /ready, port: 8080 }, periodSeconds: 10, failureThreshold: 30 }
`,
    fixText: 'Raise progressDeadlineSeconds above the sum, or allow a start less time.',
  },
  ({ workload, facts }) => {
    const { minReadySeconds = 0, progressDeadlineSeconds = 600 } = workload;
    const startSeconds = Math.max(
      0,
      ...facts.running.map(({ container: { startupProbe, readinessProbe } }) =>
        startupProbe === undefined
          ? (readinessProbe?.initialDelaySeconds ?? 0)
          : longestStartSeconds(startupProbe) + (readinessProbe?.initialDelaySeconds ?? 0),
      ),
    );
    const neededSeconds = startSeconds + minReadySeconds;
    if (neededSeconds < progressDeadlineSeconds || neededSeconds > longestDeadlineSeconds) return [];
    const wantedSeconds = Math.ceil(neededSeconds) + 60;
    return [
      {
        field: 'spec.progressDeadlineSeconds',
        message: `progressDeadlineSeconds ${progressDeadlineSeconds}, but a start may take ${startSeconds} s + minReadySeconds ${minReadySeconds} = ${neededSeconds} s`,
        remedy: `write progressDeadlineSeconds: ${wantedSeconds}, or allow a start less time`,
        fix: [{ path: ['spec', 'progressDeadlineSeconds'], value: wantedSeconds }],
      },
    ];
  },
);
