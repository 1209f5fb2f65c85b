import { SERVERS } from '../kinds.ts';
import { containerField } from '../paths.ts';
import { defineRule, short } from '../rule.ts';

/** What it costs to request none, as the kubelet and the kernel hand it out. */
const RESOURCES = [
  { resource: 'cpu', cost: 'last to get CPU' },
  { resource: 'memory', cost: 'first to be evicted' },
] as const;

export const requestsMissing = defineRule(
  {
    code: 'GR502',
    name: 'requests-missing',
    title: 'A container that serves requests no CPU or no memory',
    level: 'strict',
    severity: 'info',
    since: 'v1',
    hasFix: false,
    appliesTo: SERVERS,
    why: 'Without requests the scheduler packs pods onto a node as if they needed nothing; under pressure those that use more than they requested are evicted or killed first (pkg/kubelet/eviction, pkg/kubelet/qos), and a container without a CPU request gets the least of a busy CPU: probes and preStop hooks are late. A limit counts as a request.',
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
    fixText: 'Write resources.requests for cpu and memory, from what the container uses. How much, only you know.',
  },
  ({ workload, facts }) =>
    (facts.busy ?? []).flatMap((running) => {
      const { name, resources: { requests = {}, limits = {} } = {} } = running.container;
      const missing = RESOURCES.filter(
        ({ resource }) => !Object.hasOwn(requests, resource) && !Object.hasOwn(limits, resource),
      );
      const names = missing.map(({ resource }) => resource).join(' and ');
      const costs = missing.map(({ cost }) => cost).join(', ');
      return missing.length === 0
        ? []
        : [
            {
              container: name,
              field: containerField(workload, running, 'resources.requests'),
              message: `container ${short(name)} serves without requests for ${names}: ${costs}`,
              remedy: `write resources.requests for ${names}, from what the container uses`,
            },
          ];
    }),
);
