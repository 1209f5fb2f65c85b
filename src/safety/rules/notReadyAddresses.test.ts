import { deployment, ofKind, service } from '../testing/manifests.ts';
import { testRule } from '../testing/ruleTable.ts';
import { notReadyAddresses } from './notReadyAddresses.ts';

testRule(notReadyAddresses, {
  says: [
    [
      'behind a cluster IP',
      [deployment(), service({ publishNotReadyAddresses: true })],
      { message: 'Service web has publishNotReadyAddresses', fixed: false },
    ],
    [
      'a StatefulSet behind a cluster IP',
      [ofKind('StatefulSet', 'apps/v1'), service({ publishNotReadyAddresses: true })],
      { message: 'Service web', level: 'strict' },
    ],
    [
      'headless, of a Deployment',
      [deployment(), service({ publishNotReadyAddresses: true, clusterIP: 'None' })],
      { message: 'Service web', level: 'strict' },
    ],
  ],
  silent: [
    [
      'headless, of a StatefulSet',
      [ofKind('StatefulSet', 'apps/v1'), service({ publishNotReadyAddresses: true, clusterIP: 'None' })],
    ],
    ['false', [deployment(), service({ publishNotReadyAddresses: false })]],
    ['of other pods', [deployment(), service({ publishNotReadyAddresses: true, selector: { app: 'api' } })]],
  ],
});
