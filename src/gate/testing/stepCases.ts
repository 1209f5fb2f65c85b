import { expect, it } from 'vitest';
import { decideStep } from '../step.ts';
import type { GateStep } from '../types.ts';
import { barrier, type Given, MONO_MS, NOW_MS, observation, service, sibling } from './observations.ts';

/** What is observed, and the members of the step that is decided on it. */
export type StepCase = readonly [name: string, given: Given, step: Partial<GateStep>];

export const isolates = { do: 'Isolate', labels: { app: 'web' }, collateral: [] } as const;
/** No Service selects it, slices or proxies may know it. */
export const isolatesAsIs = { do: 'Isolate', labels: {}, collateral: [] } as const;
/** The API server has said that no slice lists it. */
export const unlisted = { slicesCleanAtMs: NOW_MS };
export const alone = [sibling('a')];
/** The only pod of its ReplicaSet, and the only endpoint. */
export const lastEndpoint: Given = { replicas: 1, siblings: alone, services: [service(['a'])] };
/** Handed over, and its replacement b is there. */
export const replaced: Given = {
  path: 'Eviction',
  handedOver: true,
  replicas: 1,
  siblings: [sibling('a', { ownerUid: 'deployment' }), sibling('b')],
  services: [service(['a', 'b'])],
};
export const known = { replacementKnown: barrier, replacementHeardMs: MONO_MS, replacementUids: ['b', 'c', 'n'] };
export const budget = { name: 'web', disruptionsAllowed: 1 };

/** One test a case. */
export function expectSteps(cases: readonly StepCase[]): void {
  it.each(cases)('%s', (_, given, step) => {
    expect(decideStep(observation(given))).toMatchObject(step);
  });
}
