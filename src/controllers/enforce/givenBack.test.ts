import { expect, test } from 'vitest';
import type { Deployment } from '../../api/kubernetes.ts';
import { decideAdmission } from '../../contract/index.ts';
import type { EventInput } from '../../kube/events.ts';
import type { ChangeHandler } from '../../kube/informer.ts';
import { announceGivenBack } from './givenBack.ts';
import { claim, completed, deployment } from './testing/snapshots.ts';

const held = completed(claim(), deployment());
/** What the webhook makes of the author's next image when no GracefulRollout is there any more. */
const released = nextImage(held, 'app:2');

function nextImage(stored: Deployment, image: string): Deployment {
  const { template } = stored.spec;
  const containers = template.spec.containers.map((container) => ({ ...container, image }));
  const spec = { ...stored.spec, template: { ...template, spec: { ...template.spec, containers } } };
  return decideAdmission({ operation: 'UPDATE', object: { ...stored, spec }, oldObject: stored, services: [] }).object;
}

function heardOf(changes: readonly { readonly old?: Deployment; readonly new?: Deployment }[], isLeader = true) {
  const heard: EventInput[] = [];
  const handlers: ChangeHandler<Deployment>[] = [];
  announceGivenBack({
    deployments: {
      onChange: (handler) => {
        handlers.push(handler);
        return () => undefined;
      },
    },
    events: { record: (input) => heard.push(input) },
    isLeader: () => isLeader,
  });
  for (const change of changes) for (const handler of handlers) handler('shop/web', change);
  return heard;
}

test('one event on the Deployment, however often it changes afterwards', () => {
  const later = { ...released, status: { observedGeneration: 6 } };
  const heard = heardOf([
    { new: held },
    { old: held, new: { ...held, status: { observedGeneration: 5 } } },
    { old: held, new: released },
    { old: released, new: later },
    { old: later, new: nextImage(later, 'app:3') },
    { old: later },
  ]);
  expect(heard).toHaveLength(1);
  expect(heard[0]).toMatchObject({
    regarding: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'web', uid: 'd1' },
    ...{ type: 'Normal', reason: 'GivenBack', action: 'GiveBack' },
  });
  expect(heard[0]?.note).toContain('spec.template.spec.terminationGracePeriodSeconds 35 → 30');
  expect(heard[0]?.note).toContain('lifecycle {"preStop":{"sleep":{"seconds":5}}} → (unset)');
});

test('a Deployment made anew under the same name is another one', () => {
  const anew = { ...deployment(), metadata: { ...deployment().metadata, uid: 'd2' } };
  expect(heardOf([{ old: held, new: anew }])).toEqual([]);
});

test('of several replicas the one that leads says it', () => {
  expect(heardOf([{ old: held, new: released }], false)).toEqual([]);
});
