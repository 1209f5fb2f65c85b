import { drainOf, sleepOf } from '../facts.ts';
import { SERVERS } from '../kinds.ts';
import { graceEdit, podField } from '../paths.ts';
import { defineRule, short } from '../rule.ts';
import { graceFor } from '../stopping.ts';

export const drainExceedsGrace = defineRule(
  {
    code: 'GR203',
    name: 'drain-exceeds-grace',
    title: 'preStop and the declared drain do not fit into the grace period',
    level: 'baseline',
    severity: 'warning',
    since: 'v1',
    hasFix: true,
    appliesTo: SERVERS,
    why: 'preStop and what the application does after SIGTERM share terminationGracePeriodSeconds (pkg/kubelet/kuberuntime killContainer). Where the manifest says how long the application may drain (gunicorn --graceful-timeout, uvicorn --timeout-graceful-shutdown, Spring SPRING_LIFECYCLE_TIMEOUT_PER_SHUTDOWN_PHASE, .NET ASPNETCORE_SHUTDOWNTIMEOUTSECONDS, drainSeconds of a GracefulRollout other than its default), a shorter rest means that it is killed before that.',
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
          command: [gunicorn, --graceful-timeout, "30", web:app]
          lifecycle: { preStop: { sleep: { seconds: 10 } } }
`,
    fixText: 'Raise terminationGracePeriodSeconds to preStop + drain + 5 s, or drain for less.',
  },
  ({ workload, facts }) => {
    if (facts.enforced) return [];
    const { graceSeconds } = facts;
    const findings = facts.running.flatMap((running) => {
      const drain = drainOf(facts, running);
      const hookSeconds = Math.ceil(sleepOf(running)?.seconds ?? 0);
      // a hook that takes all of it is another rule's
      if (drain === undefined || hookSeconds + drain.seconds <= graceSeconds || hookSeconds >= graceSeconds) return [];
      const wantedSeconds = hookSeconds + drain.seconds;
      return [{ running, drain, hookSeconds, wantedSeconds, neededSeconds: graceFor(facts, running, hookSeconds) }];
    });
    const neededSeconds = Math.max(0, ...findings.map((finding) => finding.neededSeconds));
    return findings.map(({ running, drain, hookSeconds, wantedSeconds }) => ({
      container: running.container.name,
      field: podField(workload, 'terminationGracePeriodSeconds'),
      message: `container ${short(running.container.name)}: preStop ${hookSeconds} s + drain ${drain.seconds} s (${drain.declaredBy}) = ${wantedSeconds} s, grace is ${graceSeconds} s`,
      remedy: `write terminationGracePeriodSeconds: ${neededSeconds} (with 5 s to spare), or drain for less`,
      fix: [graceEdit(workload, neededSeconds)],
    }));
  },
);
