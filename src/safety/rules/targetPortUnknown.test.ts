import { app, deployment, type Manifest, service } from '../testing/manifests.ts';
import { testRule } from '../testing/ruleTable.ts';
import { targetPortUnknown } from './targetPortUnknown.ts';

const other: Manifest = {
  ...deployment({}, { containers: [app({ ports: [{ name: 'web', containerPort: 8080 }] })] }),
  metadata: { namespace: 'shop', name: 'other' },
};

testRule(targetPortUnknown, {
  says: [
    [
      'a name that is not there',
      [deployment(), service({ ports: [{ port: 80, targetPort: 'web' }] })],
      {
        message: 'Service web sends port 80 to "web" (TCP), which no container has',
        field: 'spec.template.spec.containers',
        fixed: false,
      },
    ],
    [
      'another protocol',
      [deployment(), service({ ports: [{ port: 80, targetPort: 'http', protocol: 'UDP' }] })],
      { message: '"http" (UDP)' },
    ],
    [
      'only an init container has it',
      [
        deployment({}, { initContainers: [app({ name: 'init', ports: [{ name: 'web', containerPort: 1 }] })] }),
        service({ ports: [{ port: 80, targetPort: 'web' }] }),
      ],
      { message: '"web"' },
    ],
  ],
  silent: [
    ['the name', [deployment(), service()]],
    ['a number', [deployment(), service({ ports: [{ port: 80, targetPort: 9 }] })]],
    ['no target', [deployment(), service({ ports: [{ port: 80 }] })]],
    [
      'a native sidecar has it',
      [
        deployment(
          {},
          { initContainers: [{ name: 'mesh', restartPolicy: 'Always', ports: [{ name: 'web', containerPort: 1 }] }] },
        ),
        service({ ports: [{ port: 80, targetPort: 'web' }] }),
      ],
    ],
    [
      'another workload of the Service has it',
      [deployment(), service({ ports: [{ port: 80, targetPort: 'web' }] }), other],
    ],
    ['Services are not known', [deployment()], { unknown: ['Service'] }],
  ],
});
