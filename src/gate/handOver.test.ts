import { describe, expect, it } from 'vitest';
import { DRAIN_ANNOTATION } from '../api/index.ts';
import { readState } from './drainState.ts';
import {
  cancelPatch,
  giveBackPatch,
  handOverPatch,
  isolatePatch,
  ownerPatch,
  type PodPatch,
  statePatch,
} from './handOver.ts';
import { ago, barrier, deploymentOwner, NOW_MS, observation, rsOwner } from './testing/observations.ts';
import type { PodView } from './types.ts';

const key = new Uint8Array(32).fill(3);
const now = ago(0);
const other = { apiVersion: 'v1', kind: 'ConfigMap', name: 'x', uid: 'x' } as const;
const { pod: plain, state, ...rest } = observation();
const pod: PodView = { ...plain, metadata: { ...plain.metadata, ownerReferences: [other, rsOwner] } };
const deployment = { name: 'web', uid: 'deployment' };
const isolate = { do: 'Isolate', labels: { app: 'web' }, handOver: true, collateral: [] } as const;

/** What a replica reads back from the pod after the patch. */
function readBack({ metadata }: PodPatch) {
  const text = metadata.annotations[DRAIN_ANNOTATION];
  return readState(
    { metadata: { ...pod.metadata, annotations: text === null ? {} : { [DRAIN_ANNOTATION]: text } } },
    key,
  );
}

describe('the patches', () => {
  it('all hold only for the pod and the version that they were decided on', () => {
    const patches = [
      statePatch(pod, state, key),
      cancelPatch(pod),
      giveBackPatch(pod, state),
      handOverPatch(pod, state, deployment, now, key).patch,
      isolatePatch(pod, state, isolate, { ...rest }, now, key).patch,
    ];
    for (const { metadata } of patches) expect(metadata).toMatchObject({ uid: 'a', resourceVersion: '7' });
  });

  it('hand over: the Deployment in the place of the ReplicaSet, the other owners and every label stay', () => {
    const { patch, state: next } = handOverPatch(pod, state, deployment, now, key);
    expect(patch.metadata.ownerReferences).toEqual([other, deploymentOwner]);
    expect(patch.metadata).not.toHaveProperty('labels');
    expect(next).toEqual({ ...state, owner: rsOwner, handedOverAt: now });
    expect(readBack(patch)).toEqual({ kind: 'State', state: next });
  });

  it.each([true, false, undefined])('hand over: blockOwnerDeletion stays %s', (blockOwnerDeletion) => {
    const { blockOwnerDeletion: _, ...bare } = rsOwner;
    const owner = blockOwnerDeletion === undefined ? bare : { ...bare, blockOwnerDeletion };
    const owned: PodView = { ...pod, metadata: { ...pod.metadata, ownerReferences: [owner] } };
    const [reference] = handOverPatch(owned, state, deployment, now, key).patch.metadata.ownerReferences ?? [];
    expect(reference?.blockOwnerDeletion).toBe(blockOwnerDeletion);
  });

  it('hand over: a Deployment that owned it already, not as controller, is named once', () => {
    const { controller: _, ...plainOwner } = deploymentOwner;
    const owned: PodView = { ...pod, metadata: { ...pod.metadata, ownerReferences: [plainOwner, rsOwner] } };
    const { patch } = handOverPatch(owned, state, deployment, now, key);
    expect(patch.metadata.ownerReferences).toEqual([deploymentOwner]);
  });

  it('the owner of a pod that ends: as before the hand-over, and nothing else', () => {
    const { patch, state: next } = handOverPatch(pod, state, deployment, now, key);
    const { ownerReferences = [] } = patch.metadata;
    const ending: PodView = { ...pod, metadata: { ...pod.metadata, ownerReferences } };
    expect(ownerPatch(ending, next)).toEqual({
      metadata: { uid: 'a', resourceVersion: '7', ownerReferences: [other, rsOwner] },
    });
    expect(ownerPatch(pod, next)).toBeUndefined();
    expect(ownerPatch(ending, state)).toBeUndefined();
  });

  it('give back: exactly what was there before', () => {
    const { patch, state: next } = handOverPatch(pod, state, deployment, now, key);
    const owned: PodView = { ...pod, metadata: { ...pod.metadata, ...patch.metadata, annotations: {}, labels: {} } };
    const back = giveBackPatch(owned, next);
    expect(back.metadata.ownerReferences).toEqual([other, rsOwner]);
    expect(back.metadata.annotations).toEqual({ [DRAIN_ANNOTATION]: null });
    expect(giveBackPatch(owned, state).metadata).not.toHaveProperty('ownerReferences');
  });

  it('give back to an owner where no controller is left', () => {
    const owned: PodView = { ...pod, metadata: { ...pod.metadata, ownerReferences: [other] } };
    expect(giveBackPatch(owned, { ...state, owner: rsOwner }).metadata.ownerReferences).toEqual([other, rsOwner]);
  });

  it('isolate: labels, owner and state in one', () => {
    const { patch, state: next } = isolatePatch(pod, state, isolate, rest, now, key);
    expect(patch.metadata).toMatchObject({ labels: { app: null }, ownerReferences: [other, deploymentOwner] });
    expect(next).toEqual({
      ...state,
      owner: rsOwner,
      handedOverAt: now,
      isolatedAt: now,
      removedLabels: { app: 'web' },
    });
    expect(readBack(patch)).toEqual({ kind: 'State', state: next });
  });

  it('isolate after the hand-over: the owner stays, the replacement is remembered', () => {
    const handedOver = { ...state, owner: rsOwner, handedOverAt: ago(9) };
    const progress = { replacementKnown: { ...barrier, atMs: NOW_MS - 1_000 } };
    const step = { ...isolate, handOver: false };
    const { patch, state: next } = isolatePatch(pod, handedOver, step, { ...rest, progress }, now, key);
    expect(patch.metadata).not.toHaveProperty('ownerReferences');
    expect(next).toMatchObject({ handedOverAt: ago(9), replacedAt: ago(1), isolatedAt: now });
  });

  it('isolate without what it waited for: kept in the state, and no replacement is claimed', () => {
    const handedOver = { ...state, owner: rsOwner, handedOverAt: ago(9) };
    const progress = { replacementKnown: { ...barrier, atMs: NOW_MS - 1_000 } };
    const step = { ...isolate, handOver: false, unmet: 'its budget said no' };
    const { patch, state: next } = isolatePatch(pod, handedOver, step, { ...rest, progress }, now, key);
    expect(next).toEqual({
      ...handedOver,
      isolatedAt: now,
      removedLabels: { app: 'web' },
      unmet: 'its budget said no',
    });
    expect(readBack(patch)).toEqual({ kind: 'State', state: next });
  });

  it('cancel: the state and nothing else', () => {
    expect(cancelPatch(pod)).toEqual({
      metadata: { uid: 'a', resourceVersion: '7', annotations: { [DRAIN_ANNOTATION]: null } },
    });
  });
});
