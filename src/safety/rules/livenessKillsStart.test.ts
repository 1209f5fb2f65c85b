import { deployment, withApp } from '../testing/manifests.ts';
import { testRule } from '../testing/ruleTable.ts';
import { livenessKillsStart } from './livenessKillsStart.ts';

const http = { httpGet: { path: '/live', port: 8080, httpHeaders: [{ name: 'Host', value: 'a' }] } };
const late = { httpGet: { path: '/ready', port: 'http' }, initialDelaySeconds: 60 };

testRule(livenessKillsStart, {
  says: [
    [
      'readiness asks later',
      [withApp({ livenessProbe: http, readinessProbe: late })],
      {
        message: 'livenessProbe can kill it 20 s after its start, readinessProbe first asks at 60 s',
        field: 'spec.template.spec.containers[app].livenessProbe',
        fixed: true,
      },
    ],
    [
      'one failure is enough',
      [withApp({ livenessProbe: { ...http, failureThreshold: 1 } })],
      { message: '0 s after', fixed: true },
    ],
    ['every second', [withApp({ livenessProbe: { ...http, periodSeconds: 1 } })], { message: '2 s after' }],
    [
      'a delay that is too short',
      [withApp({ livenessProbe: { ...http, initialDelaySeconds: 39 }, readinessProbe: late })],
      { message: '59 s' },
    ],
  ],
  silent: [
    ['the defaults', [withApp({ livenessProbe: http })]],
    ['just long enough', [withApp({ livenessProbe: { ...http, initialDelaySeconds: 40 }, readinessProbe: late })]],
    ['a startup probe', [withApp({ livenessProbe: { ...http, failureThreshold: 1 }, startupProbe: http })]],
    ['no liveness probe', [deployment()]],
  ],
});
