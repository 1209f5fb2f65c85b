import { drainOf, sleepOf } from '../facts.ts';
import { EVERY_KIND } from '../kinds.ts';
import { containerField, containerPath } from '../paths.ts';
import { defineRule, short } from '../rule.ts';

const members = ['livenessProbe', 'startupProbe'] as const;

export const livenessGraceShort = defineRule(
  {
    code: 'GR105',
    name: 'liveness-grace-short',
    title: 'A restart by a probe leaves less time than stopping takes',
    level: 'strict',
    severity: 'warning',
    since: 'v1',
    hasFix: true,
    appliesTo: EVERY_KIND,
    why: "terminationGracePeriodSeconds of a livenessProbe or startupProbe takes the place of the pod's when that probe restarts the container (KEP-2238, pkg/kubelet/kuberuntime killContainer). The preStop hook runs then as well, and its seconds count against it. (A pod that is being deleted is not asked by liveness any more.)",
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
          lifecycle: { preStop: { sleep: { seconds: 10 } } }
          livenessProbe:
            httpGet: { path: /live, port: 8080 }
            terminationGracePeriodSeconds: 5
`,
    fixText: "Remove terminationGracePeriodSeconds from the probe, so that the pod's holds, or raise it.",
  },
  ({ workload, facts }) =>
    facts.running.flatMap((running) =>
      members.flatMap((member) => {
        const { name, [member]: probe } = running.container;
        const graceSeconds = probe?.terminationGracePeriodSeconds;
        const sleepSeconds = Math.ceil(sleepOf(running)?.seconds ?? 0);
        const drainSeconds = drainOf(facts, running)?.seconds ?? 0;
        const neededSeconds = sleepSeconds + drainSeconds;
        if (graceSeconds === undefined || graceSeconds >= neededSeconds) return [];
        return [
          {
            container: name,
            field: containerField(workload, running, `${member}.terminationGracePeriodSeconds`),
            message: `container ${short(name)}: a restart by ${member} leaves ${graceSeconds} s, but preStop ${sleepSeconds} s + drain ${drainSeconds} s = ${neededSeconds} s`,
            remedy: `remove terminationGracePeriodSeconds from ${member}, or write at least ${neededSeconds}`,
            fix: [
              { path: containerPath(workload, running, member, 'terminationGracePeriodSeconds'), value: undefined },
            ],
          },
        ];
      }),
    ),
);
