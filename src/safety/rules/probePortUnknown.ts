import type { IntOrString, Probe } from '../../api/kubernetes.ts';
import type { RunningContainer } from '../facts.ts';
import { EVERY_KIND } from '../kinds.ts';
import { containerField } from '../paths.ts';
import { defineRule, type Remark, short } from '../rule.ts';

const members = ['startupProbe', 'readinessProbe', 'livenessProbe'] as const;

export const probePortUnknown = defineRule(
  {
    code: 'GR103',
    name: 'probe-port-unknown',
    title: 'A probe asks a port that its container does not have',
    level: 'baseline',
    severity: 'error',
    since: 'v1',
    hasFix: false,
    appliesTo: EVERY_KIND,
    why: 'A port name in a probe is looked up among the ports of the same container (pkg/kubelet/prober, k8s.io/kubernetes/pkg/probe ResolveContainerPort). One that is not there is an error of the probe, whose result is thrown away (pkg/kubelet/prober/worker.go doProbe): with a readinessProbe or startupProbe the pod never becomes Ready; a livenessProbe never restarts anything. A port number need not be declared, so one that no container declares, beside others that are declared, is only a strict finding of severity info.',
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
          ports: [{ name: http, containerPort: 8080 }]
          readinessProbe: { httpGet: { path: /ready, port: web } }
`,
    fixText: 'Name the port in the ports of the same container, or write the number on which it listens.',
  },
  ({ workload, facts }) => {
    const declared = new Set(facts.running.flatMap(({ container }) => numbersOf({ container })));
    return facts.running.flatMap((running) =>
      members.flatMap((member): readonly Remark[] => {
        const { container } = running;
        const port = portOf(container[member]);
        const own = container.ports ?? [];
        if (port === undefined || (typeof port === 'string' && /^\d+$/.test(port))) return [];
        const at = { container: container.name, field: containerField(workload, running, member) };
        const name = short(container.name);
        if (typeof port === 'string') {
          if (own.some((candidate) => candidate.name === port)) return [];
          const names = own.flatMap((candidate) => (candidate.name === undefined ? [] : [candidate.name]));
          return [
            {
              ...at,
              // Without its liveness probe the application still serves.
              level: member === 'livenessProbe' ? 'strict' : 'baseline',
              severity: member === 'livenessProbe' ? 'warning' : 'error',
              message: `container ${name}: ${member} asks port "${short(port)}", which the container does not have: ${member === 'livenessProbe' ? 'restarts nothing' : 'never Ready'}`,
              remedy: `name the port in ${name}, or write its number${names.length === 0 ? '' : ` (it has: ${names.slice(0, 3).join(', ')})`}`,
            },
          ];
        }
        if (own.length === 0 || declared.has(port)) return [];
        return [
          {
            ...at,
            level: 'strict',
            severity: 'info',
            message: `container ${name}: ${member} asks port ${port}, but the pod declares only ${[...declared].slice(0, 3).join(', ')}`,
            remedy: `correct the port of ${member}, or declare port ${port} in ${name}`,
          },
        ];
      }),
    );
  },
);

/** Undefined also where the probe asks another host than the pod. */
function portOf(probe: Probe | undefined): IntOrString | undefined {
  const asked = probe?.httpGet ?? probe?.tcpSocket;
  if (asked?.host !== undefined && asked.host !== '') return undefined;
  return asked?.port ?? probe?.grpc?.port;
}

function numbersOf({ container }: Pick<RunningContainer, 'container'>): number[] {
  return (container.ports ?? []).map(({ containerPort }) => containerPort);
}
