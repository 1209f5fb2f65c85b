import { longestHookSeconds } from '../../contract/index.ts';
import { sleepOf } from '../facts.ts';
import { EVERY_KIND } from '../kinds.ts';
import { containerField, graceEdit } from '../paths.ts';
import { defineRule, short } from '../rule.ts';
import { graceFor } from '../stopping.ts';

export const preStopTakesGrace = defineRule(
  {
    code: 'GR202',
    name: 'pre-stop-takes-grace',
    title: 'The preStop hook takes the whole grace period',
    level: 'baseline',
    severity: 'error',
    since: 'v1',
    hasFix: true,
    appliesTo: EVERY_KIND,
    why: 'The seconds of the preStop hook are taken off terminationGracePeriodSeconds; of what is left, at least 2 s, the application has to finish after SIGTERM before SIGKILL (pkg/kubelet/kuberuntime killContainer, minimumGracePeriodInSeconds). A hook as long as the grace period leaves those 2 s, and what is under way is cut off.',
    example: `apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      terminationGracePeriodSeconds: 30
      containers:
        - name: app
          image: example.com/web:1.2.3
          lifecycle: { preStop: { exec: { command: [sh, -c, "sleep 30"] } } }
`,
    fixText:
      'Raise terminationGracePeriodSeconds to preStop + drain + 5 s, or shorten the hook; 5 to 15 s are enough for most data paths.',
  },
  ({ workload, facts }) =>
    facts.running.flatMap((running) => {
      const sleep = sleepOf(running);
      const { graceSeconds } = facts;
      if (sleep === undefined || sleep.seconds === 0 || sleep.seconds < graceSeconds) return [];
      const isSane = sleep.seconds <= longestHookSeconds;
      // the operator makes room for it
      if (facts.enforced && isSane) return [];
      const name = short(running.container.name);
      const lasts = Number.isFinite(sleep.seconds)
        ? `takes ${sleep.exact ? '' : 'at least '}${round(sleep.seconds)} s`
        : 'never ends';
      const neededSeconds = graceFor(facts, running, sleep.seconds);
      return [
        {
          container: running.container.name,
          field: containerField(workload, running, 'lifecycle.preStop'),
          message: `container ${name}: preStop ${lasts} of ${graceSeconds} s grace: killed 2 s after SIGTERM, requests cut off`,
          remedy: isSane
            ? `write terminationGracePeriodSeconds: ${neededSeconds} (preStop + drain + margin), or a shorter hook`
            : 'let the hook end within seconds; 5 to 15 s are enough for most data paths',
          ...(isSane ? { fix: [graceEdit(workload, neededSeconds)] } : {}),
        },
      ];
    }),
);

function round(seconds: number): number {
  return Number(seconds.toFixed(1));
}
