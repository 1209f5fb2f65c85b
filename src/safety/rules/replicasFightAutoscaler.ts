import { REPLICATED } from '../kinds.ts';
import { list, member, text } from '../read.ts';
import { defineRule, short } from '../rule.ts';
import type { Workload } from '../types.ts';

export const replicasFightAutoscaler = defineRule(
  {
    code: 'GR308',
    name: 'replicas-fight-autoscaler',
    title: 'The manifest sets replicas, and so does an autoscaler',
    level: 'strict',
    severity: 'warning',
    since: 'v1',
    hasFix: true,
    appliesTo: REPLICATED,
    why: 'Each apply of a manifest with spec.replicas sets the number of pods back to it, and a HorizontalPodAutoscaler sets it anew 15 s or more later: at a moment of high load most pods are ended by an apply. The Kubernetes documentation ("Migrating Deployments and StatefulSets to horizontal autoscaling") says to leave spec.replicas out. Of an object that is stored, only what kubectl apply or a server-side apply has written counts, since the API server fills replicas in.',
    example: `apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - name: app
          image: example.com/web:1.2.3
          ports: [{ containerPort: 8080 }]
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: web }
spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: web }
  minReplicas: 2
  maxReplicas: 10
`,
    fixText:
      'Remove spec.replicas from the manifest. (With client-side kubectl apply the first apply without it sets it to 1 once: take it out of the last-applied annotation first, as the documentation shows.)',
  },
  ({ workload, facts }) => {
    const { autoscaler } = facts;
    if (autoscaler === undefined || !isInManifest(workload)) return [];
    const range = `${autoscaler.minReplicas ?? 1} to ${autoscaler.maxReplicas ?? '?'}`;
    return [
      {
        field: 'spec.replicas',
        message: `replicas ${workload.replicas} in the manifest and HPA ${short(autoscaler.name)} (${range}) undo each other with every apply`,
        remedy: 'remove spec.replicas from the manifest',
        fix: [{ path: ['spec', 'replicas'], value: undefined }],
      },
    ];
  },
);

/** Whether its author names replicas, and not only the API server's defaulting or the autoscaler. */
function isInManifest({ replicas, uid, annotations, raw }: Workload): boolean {
  if (replicas === undefined || replicas === 0) return false;
  const managers = list(member(raw, 'metadata', 'managedFields'), (entry) => entry);
  const applied = annotations['kubectl.kubernetes.io/last-applied-configuration'];
  if (uid === undefined && managers === undefined && applied === undefined) return true;
  return (
    /"replicas":\s*[1-9]/.test(applied ?? '') ||
    (managers ?? []).some(
      (entry) =>
        text(member(entry, 'operation')) === 'Apply' && member(entry, 'fieldsV1', 'f:spec', 'f:replicas') !== undefined,
    )
  );
}
