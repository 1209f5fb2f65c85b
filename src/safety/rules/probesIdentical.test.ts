import { deployment, withApp } from '../testing/manifests.ts';
import { testRule } from '../testing/ruleTable.ts';
import { probesIdentical } from './probesIdentical.ts';

const probe = { httpGet: { path: '/health', port: 8080 } };
const both = (readinessProbe: object, livenessProbe: object) => [withApp({ readinessProbe, livenessProbe })];

testRule(probesIdentical, {
  says: [
    [
      'the same',
      both(probe, probe),
      {
        message: 'after 20 s livenessProbe restarts',
        field: 'spec.template.spec.containers[app].livenessProbe',
        fixed: false,
      },
    ],
    ['the same with a default written out', both(probe, { ...probe, periodSeconds: 10 }), { message: '20 s' }],
    ['the same but for the delay', both(probe, { ...probe, initialDelaySeconds: 5 }), { message: '20 s' }],
  ],
  silent: [
    ['another path', both(probe, { httpGet: { path: '/live', port: 8080 } })],
    [
      'another header, by which the application may tell them apart',
      both(probe, { httpGet: { ...probe.httpGet, httpHeaders: [{ name: 'Cookie', value: 'liveness' }] } }),
    ],
    ['a later end', both(probe, { ...probe, failureThreshold: 10 })],
    ['only readiness', [deployment()]],
    ['only liveness', [withApp({ readinessProbe: undefined, livenessProbe: probe })]],
  ],
});
