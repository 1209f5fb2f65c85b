import { app, deployment, service, withApp } from '../testing/manifests.ts';
import { testRule } from '../testing/ruleTable.ts';
import { requestsMissing } from './requestsMissing.ts';

testRule(requestsMissing, {
  says: [
    [
      'none',
      [withApp({ resources: undefined }), service()],
      {
        message: 'serves in pods of QoS BestEffort, no requests at all: last to get CPU, first to be evicted',
        field: 'spec.template.spec.containers[app].resources.requests',
        fixed: false,
      },
    ],
    [
      'none, beside a container that has some',
      [
        deployment({}, { containers: [app({ resources: {} }), { name: 'side', resources: { limits: { cpu: 1 } } }] }),
        service(),
      ],
      { message: 'container app serves without requests for cpu and memory: last to get CPU, first to be evicted' },
    ],
    [
      'none, beside an init container that has some',
      [
        withApp({ resources: {} }, { initContainers: [{ name: 'init', resources: { requests: { memory: 1 } } }] }),
        service(),
      ],
      { message: 'without requests for cpu and memory' },
    ],
    [
      'only other resources, which count for nothing',
      [withApp({ resources: { requests: { 'example.com/gpu': 1 } } }), service()],
      { message: 'QoS BestEffort' },
    ],
    [
      'the pod has memory',
      [withApp({ resources: {} }, { resources: { limits: { memory: '1Gi' } } }), service()],
      { message: 'requests for cpu: last to get CPU' },
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
    [
      'resources of the whole pod',
      [withApp({ resources: {} }, { resources: { requests: { cpu: 1, memory: '1Gi' } } }), service()],
    ],
    ['requests without limits', [withApp({ resources: { requests: { cpu: 1, memory: '1Gi' } } }), service()]],
    ['no Service', [withApp({ resources: {} })]],
    ['a sidecar', [deployment({}, { containers: [app(), { name: 'side' }] }), service()]],
  ],
});
