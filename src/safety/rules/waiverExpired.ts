import { EVERY_KIND } from '../kinds.ts';
import { defineRule } from '../rule.ts';
import { WAIVE_ANNOTATION } from '../waivers.ts';

export const waiverExpired = defineRule(
  {
    code: 'GR902',
    name: 'waiver-expired',
    title: 'A waiver whose last day is over',
    level: 'baseline',
    severity: 'warning',
    since: 'v1',
    hasFix: false,
    appliesTo: EVERY_KIND,
    why: 'A waiver holds until the end of its last day (UTC). Then what it hid is said again, and this finding with it, so that it is clear why.',
    example: `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  annotations:
    graceful-rollout.io/waive: GR304 one pod was enough in the pilot until=2026-01-31
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - name: app
          image: example.com/web:1.2.3
          ports: [{ containerPort: 8080 }]
`,
    fixText: 'Do what the rule says and remove the waiver, or decide anew and write a later day.',
  },
  ({ waivers }) =>
    waivers.expired.map(({ code, until, daysAgo }) => ({
      field: `metadata.annotations[${WAIVE_ANNOTATION}]`,
      message: `waiver of ${code} ended on ${until}, ${daysAgo} ${daysAgo === 1 ? 'day' : 'days'} ago`,
      remedy: `do what ${code} says and remove the waiver, or decide anew and write a later day`,
    })),
);
