import { app, deployment, service, withApp } from '../testing/manifests.ts';
import { testRule } from '../testing/ruleTable.ts';
import { requestsMissing } from './requestsMissing.ts';

testRule(requestsMissing, {
  says: [
    [
      'none',
      [withApp({ resources: undefined }), service()],
      {
        message: 'container app serves without requests for cpu and memory: last to get CPU, first to be evicted',
        field: 'spec.template.spec.containers[app].resources.requests',
        fixed: false,
      },
    ],
    [
      'no memory',
      [withApp({ resources: { requests: { cpu: 1 } } }), service()],
      { message: 'requests for memory: first to be evicted' },
    ],
    [
      'no cpu',
      [withApp({ resources: { requests: { memory: '1Gi' } } }), service()],
      { message: 'requests for cpu: last to get CPU' },
    ],
  ],
  silent: [
    ['both', [deployment(), service()]],
    ['a limit counts', [withApp({ resources: { limits: { cpu: 1, memory: '1Gi' } } }), service()]],
    ['no Service', [withApp({ resources: {} })]],
    ['a sidecar', [deployment({}, { containers: [app(), { name: 'side' }] }), service()]],
  ],
});
