import { SERVERS } from '../kinds.ts';
import { podField } from '../paths.ts';
import { defineRule, short } from '../rule.ts';

export const notReadyAddresses = defineRule(
  {
    code: 'GR406',
    name: 'not-ready-addresses',
    title: 'The Service sends to pods that are not ready',
    level: 'baseline',
    severity: 'warning',
    since: 'v1',
    hasFix: false,
    appliesTo: SERVERS,
    why: 'publishNotReadyAddresses: true makes every pod count as ready for that Service, those that start, fail or end included (pkg/controller/endpointslice, EndpointSlice condition ready). It is meant for peers that find each other through a headless Service; behind a cluster IP callers get pods that cannot answer. The finding is strict for a headless Service of a Deployment, and for a StatefulSet behind a cluster IP, whose pods may have to be reached before they are ready (to be unsealed, or to join); of a headless Service of a StatefulSet nothing is said.',
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
  publishNotReadyAddresses: true
`,
    fixText:
      'Remove publishNotReadyAddresses from the Service, or give the peers a headless Service of their own. There is no automatic fix, for it is another object.',
  },
  ({ workload, facts }) => {
    const busyNames = new Set((facts.busyServices ?? []).map(({ metadata }) => metadata.name));
    return (facts.selecting ?? []).flatMap(({ metadata: { name = '' }, spec }) => {
      if (spec.publishNotReadyAddresses !== true) return [];
      const isHeadless = spec.clusterIP === 'None';
      if (isHeadless && workload.kind !== 'Deployment') return [];
      return [
        {
          field: podField(workload, 'containers'),
          message: `Service ${short(name)} has publishNotReadyAddresses: it sends to pods that start, fail or end`,
          remedy: `remove publishNotReadyAddresses from Service ${short(name)}; peers want a headless Service of their own`,
          ...(busyNames.has(name) && workload.kind === 'Deployment' ? {} : { level: 'strict' as const }),
        },
      ];
    });
  },
);
