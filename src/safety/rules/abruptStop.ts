import { trapsSignals } from '../containerScript.ts';
import { sleepOf } from '../facts.ts';
import { stopsInHook } from '../hookStop.ts';
import { SERVERS } from '../kinds.ts';
import { containerField, sleepEdit } from '../paths.ts';
import { defineRule, short } from '../rule.ts';
import { graceForSleep, propagationSeconds, sleepFirst, stopsAbruptly } from '../stopping.ts';

export const abruptStop = defineRule(
  {
    code: 'GR206',
    name: 'abrupt-stop',
    title: 'A server that stops listening at once, without a preStop hook',
    level: 'baseline',
    severity: 'warning',
    since: 'v1',
    hasFix: true,
    appliesTo: SERVERS,
    why: 'nginx, httpd and haproxy close their listening sockets as soon as they get the stop signal of their image; nginx and httpd with SIGTERM even drop what is under way ("Controlling nginx" in its documentation). Proxies still send new connections then, for the removal from the EndpointSlices only begins at that moment: these are refused. lighttpd and php-fpm do the same on their stop signals, but come in images of many publishers: those findings are strict, as are those of a container that starts a program of another name. Of one whose script traps signals nothing is said. A preStop hook that tells the server to stop before it has slept (nginx -s quit) closes the sockets even sooner: it counts as 0 s. uWSGI is left out: by SIGTERM it reloads unless die-on-term is set, which no manifest tells.',
    example: `apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - name: nginx
          image: nginx:1.29
          ports: [{ containerPort: 80 }]
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec:
  selector: { app: web }
  ports: [{ port: 80 }]
`,
    fixText:
      'Write lifecycle.preStop.sleep with 5 s (Kubernetes 1.30 and later), or let a GracefulRollout see to it. In a hook that stops the server let a sleep come first: sh -c "sleep 5; nginx -s quit"; there is no automatic fix for that.',
  },
  ({ workload, facts }) => {
    if (facts.enforced) return [];
    return (facts.busy ?? []).flatMap((running) => {
      const { container } = running;
      const server = stopsAbruptly(container);
      if (server === undefined) return [];
      const level = server.certain ? {} : { level: 'strict' as const };
      const field = containerField(workload, running, 'lifecycle.preStop');
      const stop = stopsInHook(container);
      if (stop !== undefined) {
        const message = `container ${short(container.name)}: preStop runs ${stop} at once, while Services still send: 0 s of preStop`;
        return [{ container: container.name, field, message, remedy: sleepFirst(stop), ...level }];
      }
      if (container.lifecycle?.preStop !== undefined && sleepOf(running)?.seconds !== 0) return [];
      if (trapsSignals(container)) return [];
      return [
        {
          container: container.name,
          field,
          message: `container ${short(container.name)}: ${server.name} stops listening on its stop signal while Services still send: 0 s of preStop`,
          remedy: `write lifecycle.preStop.sleep.seconds: ${propagationSeconds}`,
          ...level,
          fix: [
            sleepEdit(workload, running, propagationSeconds),
            ...graceForSleep(workload, facts, running, propagationSeconds),
          ],
        },
      ];
    });
  },
);
