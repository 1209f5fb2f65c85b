import { imageOf } from '../image.ts';
import { SERVERS } from '../kinds.ts';
import { containerField } from '../paths.ts';
import { defineRule, short } from '../rule.ts';

/** Tags that name a branch or a channel: publishers move them on. */
const moving = new Set(['latest', 'main', 'master', 'develop', 'dev', 'edge', 'nightly', 'stable', 'canary']);

export const mutableTag = defineRule(
  {
    code: 'GR501',
    name: 'mutable-tag',
    title: 'The image has no tag, or one that moves',
    level: 'strict',
    severity: 'warning',
    since: 'v1',
    hasFix: false,
    appliesTo: SERVERS,
    why: 'What such an image is changes without a change of the template: a pod that is replaced after an eviction may run another version than its neighbours, without a rollout, and kubectl rollout undo brings nothing back ("Images" in the Kubernetes documentation). Tags that move are latest, main, master, develop, dev, edge, nightly, stable and canary; of others nobody knows.',
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
          image: example.com/web:latest
          ports: [{ containerPort: 8080 }]
`,
    fixText: 'Write the tag of a release, or better a digest. Which, only you know.',
  },
  ({ workload, facts }) =>
    facts.running.flatMap((running) => {
      const { name, image } = running.container;
      const reference = imageOf(image);
      if (reference === undefined || reference.digest !== undefined) return [];
      if (reference.tag !== undefined && !moving.has(reference.tag)) return [];
      const what = reference.tag === undefined ? 'has no tag' : `has the tag ${reference.tag}`;
      return [
        {
          container: name,
          field: containerField(workload, running, 'image'),
          message: `container ${short(name)}: image ${what}: a replaced pod may run another version, without a rollout`,
          remedy: 'write the tag of a release, or a digest',
        },
      ];
    }),
);
