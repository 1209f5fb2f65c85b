import { app, deployment, service, withApp } from '../testing/manifests.ts';
import { testRule } from '../testing/ruleTable.ts';
import { requestsMissing } from './requestsMissing.ts';

testRule(requestsMissing, {
  says: [
    [
      'none',
      [withApp({ resources: undefined }), service()],
      {
        message: 'container app serves without requests for cpu and memory',
        field: 'spec.template.spec.containers[app].resources.requests',
        fixed: false,
      },
    ],
    ['no memory', [withApp({ resources: { requests: { cpu: 1 } } }), service()], { message: 'requests for memory:' }],
  ],
  silent: [
    ['both', [deployment(), service()]],
    ['a limit counts', [withApp({ resources: { limits: { cpu: 1, memory: '1Gi' } } }), service()]],
    ['no Service', [withApp({ resources: {} })]],
    ['a sidecar', [deployment({}, { containers: [app(), { name: 'side' }] }), service()]],
  ],
});
