import { SERVERS } from '../kinds.ts';
import { containerField, rawAt } from '../paths.ts';
import { record } from '../read.ts';
import { defineRule, short } from '../rule.ts';
import type { Workload, WorkloadContainer } from '../types.ts';

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
    why: 'Without requests the scheduler packs pods onto a node as if they needed nothing; under pressure those that use more than they requested are evicted or killed first (pkg/kubelet/eviction, pkg/kubelet/qos), and a container without a CPU request gets the least of a busy CPU: probes and preStop hooks are late. A limit counts as a request, and so do resources of the whole pod (spec.resources, KEP-2837). A pod of which no container has any is of the QoS class BestEffort (pkg/apis/core/v1/helper/qos ComputePodQOS), the first to go. Limits are not asked for, on purpose: one of memory ends the container without preStop and SIGTERM as soon as it is passed, one of CPU makes it wait under load, its probes and hooks too. They protect the neighbours; the requests of this Service they do not save.',
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
  ({ workload, facts }) => {
    const ofPod = namedIn(rawAt(workload, [...workload.podSpecPath, 'resources']));
    const isBestEffort = ofPod.size === 0 && !hasAny(workload);
    return (facts.busy ?? []).flatMap((running) => {
      const { name, resources } = running.container;
      const ofContainer = namedIn(resources);
      const missing = RESOURCES.filter(({ resource }) => !ofContainer.has(resource) && !ofPod.has(resource));
      if (missing.length === 0) return [];
      const names = missing.map(({ resource }) => resource).join(' and ');
      const costs = missing.map(({ cost }) => cost).join(', ');
      return [
        {
          container: name,
          field: containerField(workload, running, 'resources.requests'),
          message: isBestEffort
            ? `container ${short(name)} serves in pods of QoS BestEffort, no requests at all: ${costs}`
            : `container ${short(name)} serves without requests for ${names}: ${costs}`,
          remedy: `write resources.requests for ${names}, from what the container uses`,
        },
      ];
    });
  },
);

/** Which resources have a request or a limit. */
function namedIn(resources: unknown): ReadonlySet<string> {
  const { requests, limits } = record(resources) ?? {};
  const named = [record(requests), record(limits)].flatMap((each) => Object.keys(each ?? {}));
  return new Set(RESOURCES.flatMap(({ resource }) => (named.includes(resource) ? [resource] : [])));
}

/** Whether any container, one that ends before the others start included, asks for any of them. */
function hasAny({ template: { spec } }: Workload): boolean {
  const all: readonly WorkloadContainer[] = [...spec.containers, ...(spec.initContainers ?? [])];
  return all.some(({ resources }) => namedIn(resources).size > 0);
}
