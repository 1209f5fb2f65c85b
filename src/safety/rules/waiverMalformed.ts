import { EVERY_KIND } from '../kinds.ts';
import { defineRule, short } from '../rule.ts';
import { WAIVE_ANNOTATION } from '../waivers.ts';

export const waiverMalformed = defineRule(
  {
    code: 'GR901',
    name: 'waiver-malformed',
    title: 'A waiver that is not in force, because it cannot be read',
    level: 'baseline',
    severity: 'warning',
    since: 'v1',
    hasFix: false,
    appliesTo: EVERY_KIND,
    why: 'A waiver names one rule, a reason and its last day. One that misses any of them is not in force, so that nothing is waived by mistake or for ever. The rules on waivers themselves cannot be waived.',
    example: `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  annotations:
    graceful-rollout.io/waive: GR304 until=2027-01-31
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
    fixText: 'Write: CODE reason until=YYYY-MM-DD. Several waivers are separated by a semicolon or a new line.',
  },
  ({ waivers }) =>
    waivers.malformed.map(({ entry, problem }) => ({
      field: `metadata.annotations[${WAIVE_ANNOTATION}]`,
      message: `waiver "${short(entry)}" is not in force: ${problem}`,
      remedy: 'write: CODE reason until=YYYY-MM-DD; several are separated by ";"',
    })),
);
