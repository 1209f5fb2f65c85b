import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DRAIN_ANNOTATION } from '../api/index.ts';
import { canonicalJson } from '../contract/index.ts';
import { encodeState, readState } from './drainState.ts';
import type { DrainState } from './types.ts';

const key = new Uint8Array(32).fill(7);
const pod = { namespace: 'shop', name: 'web-1', uid: 'u1' };
const full: DrainState = {
  path: 'Eviction',
  by: 'system:serviceaccount:kube-system:cluster-autoscaler',
  askedAt: '2026-01-01T00:00:00.000Z',
  lastAskedAt: '2026-01-01T00:00:05.000Z',
  until: '2026-01-01T00:00:25.000Z',
  abandonedAt: '2026-01-01T00:00:06.000Z',
  owner: {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    name: 'web-5',
    uid: 'rs',
    controller: true,
    blockOwnerDeletion: true,
  },
  handedOverAt: '2026-01-01T00:00:01.000Z',
  replacedAt: '2026-01-01T00:00:02.000Z',
  isolatedAt: '2026-01-01T00:00:03.000Z',
  removedLabels: { app: 'web', __proto__x: 'y' },
  drainedAt: '2026-01-01T00:00:04.000Z',
  reason: 'waiting for "the" replacement',
  unmet: 'its budget said "no"',
};

function carrying(text: string | undefined, identity: Partial<typeof pod> = pod) {
  return { metadata: { ...identity, annotations: text === undefined ? {} : { [DRAIN_ANNOTATION]: text } } };
}

describe('readState', () => {
  it('reads what encodeState wrote, every member of it', () => {
    expect(readState(carrying(encodeState(full, pod, key)), key)).toEqual({ kind: 'State', state: full });
  });

  it('checks the signature of one version of a pod once, and anew with another key', () => {
    const carrier = carrying(encodeState(full, pod, key));
    expect(readState(carrier, key)).toBe(readState(carrier, key));
    expect(readState(carrier, new Uint8Array(32).fill(8))).toEqual({ kind: 'Forged' });
    expect(readState(carrier, key)).toEqual({ kind: 'State', state: full });
  });

  it('reads any state, and its text stays small', () => {
    const time = fc.date({ noInvalidDate: true }).map((date) => date.toISOString());
    const states = fc.record(
      {
        path: fc.constantFrom('ScaleDown', 'Eviction', 'Delete'),
        by: fc.string({ maxLength: 2_000 }),
        askedAt: time,
        until: time,
        isolatedAt: time,
        removedLabels: fc.dictionary(fc.string({ maxLength: 60 }), fc.string({ maxLength: 63 }), { maxKeys: 20 }),
        reason: fc.string({ maxLength: 5_000 }),
        unmet: fc.string({ maxLength: 5_000 }),
      },
      { requiredKeys: ['path', 'by', 'askedAt'] },
    );
    fc.assert(
      fc.property(states, (state) => {
        const text = encodeState(state, pod, key);
        expect(text.length).toBeLessThan(16_384);
        const read = readState(carrying(text), key);
        expect(read).toMatchObject({ kind: 'State', state: { path: state.path, askedAt: state.askedAt } });
      }),
      { numRuns: 300 },
    );
  });

  it('says None without the annotation', () => {
    expect(readState(carrying(undefined), key)).toEqual({ kind: 'None' });
    expect(readState({ metadata: {} }, key)).toEqual({ kind: 'None' });
  });

  it.each(['namespace', 'name', 'uid'] as const)('refuses a state that was copied from a pod of another %s', (part) => {
    const text = encodeState(full, pod, key);
    expect(readState(carrying(text, { ...pod, [part]: 'another' }), key)).toEqual({ kind: 'Forged' });
    const { [part]: _, ...without } = pod;
    expect(readState(carrying(text, without), key)).toEqual({ kind: 'Forged' });
  });

  it('refuses another key and every changed member', () => {
    const text = encodeState(full, pod, key);
    expect(readState(carrying(text), new Uint8Array(32))).toEqual({ kind: 'Forged' });
    const written = JSON.parse(text) as Record<string, unknown>;
    for (const member of Object.keys(written)) {
      const { [member]: _, ...without } = written;
      for (const changed of [without, { ...written, [member]: 'Delete' }, { ...written, [member]: null }]) {
        expect(readState(carrying(canonicalJson(changed)), key), member).toEqual({ kind: 'Forged' });
      }
    }
    expect(readState(carrying(canonicalJson({ ...written, more: 1 })), key)).toEqual({ kind: 'Forged' });
  });

  it('leaves out members that a newer version signed, and those of a wrong type', () => {
    const newer = { ...full, until: 'soon', owner: { kind: 'ReplicaSet' }, phase: { of: ['the', 'moon'] } };
    const { until: _, owner: __, ...known } = full;
    expect(readState(carrying(encodeState(newer as unknown as DrainState, pod, key)), key)).toEqual({
      kind: 'State',
      state: known,
    });
  });

  it('refuses a signed state without what every state has', () => {
    for (const broken of [
      { ...full, path: 'Whim' },
      { ...full, askedAt: 'now' },
    ]) {
      expect(readState(carrying(encodeState(broken as DrainState, pod, key)), key)).toEqual({ kind: 'Forged' });
    }
  });

  it('is total: any text, any JSON, any depth', () => {
    const deep = `${'{"sig":"x","a":'.repeat(1_000)}1${'}'.repeat(1_000)}`;
    const deepList = `{"sig":"x","a":${'['.repeat(16_000)}${']'.repeat(16_000)}}`;
    for (const text of [deep, deepList, 'x'.repeat(1_000_000), '', 'null', '[]', '"sig"', '{"sig":{}}', '\u{d800}']) {
      expect(readState(carrying(text), key)).toEqual({ kind: 'Forged' });
    }
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.json().map((json) => `{"sig":"${'A'.repeat(43)}","x":${json}}`),
        ),
        (text) => {
          expect(readState(carrying(text), key)).toEqual({ kind: 'Forged' });
        },
      ),
    );
  });
});
