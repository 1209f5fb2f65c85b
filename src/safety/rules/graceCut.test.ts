import { deployment, type Manifest, ofKind } from '../testing/manifests.ts';
import { testRule } from '../testing/ruleTable.ts';
import { graceCut } from './graceCut.ts';

const owned = (uid: string, ownerUid: string, name = 'web-1') => ({
  name,
  namespace: 'shop',
  uid,
  ownerReferences: [{ apiVersion: 'apps/v1', kind: 'X', name: 'owner', uid: ownerUid, controller: true }],
});
const target: Manifest = { ...deployment(), metadata: { name: 'web', namespace: 'shop', uid: 'd1' } };
const set: Manifest = { ...ofKind('ReplicaSet', 'apps/v1'), metadata: owned('r1', 'd1') };
const pod = (terminationGracePeriodSeconds: number): Manifest => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: owned('p1', 'r1', 'web-1-x'),
  spec: { containers: [], terminationGracePeriodSeconds },
});

testRule(graceCut, {
  says: [
    [
      'a pod of the Deployment',
      [target, set, pod(15)],
      {
        message: 'pod web-1-x has 15 s of grace, 15 s less than the 30 s of its template',
        field: 'spec.template.spec.terminationGracePeriodSeconds',
        fixed: false,
      },
    ],
    ['several', [target, set, pod(15), pod(10)], { message: 'pod web-1-x (and 1 more)' }],
    [
      'a bare ReplicaSet',
      [{ ...ofKind('ReplicaSet', 'apps/v1'), metadata: { name: 'web', namespace: 'shop', uid: 'r1' } }, pod(15)],
      { message: '15 s less' },
    ],
  ],
  silent: [
    ['as asked for', [target, set, pod(30)]],
    ['more than asked for', [target, set, pod(60)]],
    [
      'an older template asked for less',
      [{ ...target, spec: deployment({}, { terminationGracePeriodSeconds: 90 }).spec }, set, pod(30)],
    ],
    ['pods are not known', [target, set], { unknown: ['Pod'] }],
    ['a pod of another ReplicaSet', [target, { ...set, metadata: owned('other', 'd1') }, pod(15)]],
    [
      'a ReplicaSet of another Deployment',
      [{ ...target, metadata: { name: 'web', namespace: 'shop', uid: 'd2' } }, set, pod(15)],
    ],
    ['not stored', [deployment(), set, pod(15)]],
  ],
});
