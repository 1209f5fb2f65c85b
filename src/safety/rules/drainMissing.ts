import { trapsSignals } from '../containerScript.ts';
import { sleepOf } from '../facts.ts';
import { stopsInHook } from '../hookStop.ts';
import { SERVERS } from '../kinds.ts';
import { containerField, sleepEdit } from '../paths.ts';
import { defineRule, short } from '../rule.ts';
import { graceForSleep, propagationSeconds, sleepFirst, stopsAbruptly } from '../stopping.ts';

export const drainMissing = defineRule(
  {
    code: 'GR201',
    name: 'drain-missing',
    title: 'Nothing keeps the container serving until the Services have let go of it',
    level: 'strict',
    severity: 'warning',
    since: 'v1',
    hasFix: true,
    appliesTo: SERVERS,
    why: 'SIGTERM and the removal from the EndpointSlices begin at the same moment (pkg/kubelet, pkg/controller/endpointslice). Until every proxy has followed, new connections still come to a container that has stopped listening. Measured: 538 of 19,870 requests lost in rolling restarts with a readiness probe only (2.7 %), none with a native sleep of 5 s. An application that goes on serving after SIGTERM by itself needs no hook; nothing in the manifest says so, hence this rule is strict. Of a container whose script traps signals nothing is said. A preStop hook that tells the server to stop before it has slept (nginx -s quit) counts as 0 s.',
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
          ports: [{ containerPort: 8080 }]
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec:
  selector: { app: web }
  ports: [{ port: 80, targetPort: 8080 }]
`,
    fixText:
      'Write lifecycle.preStop.sleep with 5 s (Kubernetes 1.30 and later; it needs no shell), or let a GracefulRollout see to it.',
  },
  ({ workload, facts }) => {
    if (facts.enforced) return [];
    return (facts.serving ?? []).flatMap((running) => {
      const { container } = running;
      if (stopsAbruptly(container) !== undefined && facts.busy?.includes(running) === true) return [];
      const name = short(container.name);
      const field = containerField(workload, running, 'lifecycle.preStop');
      const stop = stopsInHook(container);
      if (stop !== undefined) {
        const message = `container ${name}: preStop runs ${stop} at once, while Services still send: 0 s of preStop`;
        return [{ container: container.name, field, message, remedy: sleepFirst(stop) }];
      }
      if (container.lifecycle?.preStop !== undefined && sleepOf(running)?.seconds !== 0) return [];
      if (trapsSignals(container)) return [];
      return [
        {
          container: container.name,
          field,
          message: `container ${name} gets SIGTERM while Services still send to it: 0 s of preStop, proxies follow seconds later`,
          remedy: `write lifecycle.preStop.sleep.seconds: ${propagationSeconds} for ${name}, or have the application serve on after SIGTERM`,
          fix: [
            sleepEdit(workload, running, propagationSeconds),
            ...graceForSleep(workload, facts, running, propagationSeconds),
          ],
        },
      ];
    });
  },
);
