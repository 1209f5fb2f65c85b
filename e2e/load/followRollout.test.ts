import { describe, expect, it } from 'vitest';
import type { Client } from '../../src/kube/index.ts';
import { followRollout } from './followRollout.ts';

type Step = {
  readonly updated: number;
  readonly total: number;
  readonly available: number;
  readonly pods: readonly [string, boolean][];
};

/** A client that shows one step per poll, and stays at the last. */
function scripted(deployment: string, steps: readonly Step[]): Client {
  let polls = 0;
  const step = (): Step => {
    const current = steps[Math.min(polls, steps.length - 1)];
    if (current === undefined) throw new Error('no steps');
    return current;
  };
  const unexpected = (): never => {
    throw new Error('followRollout only reads a Deployment and its pods');
  };
  const answer = async (value: unknown): Promise<never> => value as never;
  return {
    get: () => {
      const { updated, total, available } = step();
      return answer({
        metadata: { generation: 2 },
        spec: { replicas: 2 },
        status: { observedGeneration: 2, updatedReplicas: updated, replicas: total, availableReplicas: available },
      });
    },
    list: () => {
      const items = step().pods.map(([name, terminating]) => ({
        metadata: { name: `${deployment}-${name}`, ...(terminating ? { deletionTimestamp: 'now' } : {}) },
      }));
      // Of the other Deployment in the namespace.
      items.push({ metadata: { name: 'other-1' } });
      polls++;
      return answer({ items, resourceVersion: '1' });
    },
    find: unexpected,
    listPage: unexpected,
    create: unexpected,
    update: unexpected,
    patch: unexpected,
    delete: unexpected,
    watch: unexpected,
    raw: unexpected,
    close: unexpected,
  };
}

const never = new AbortController().signal;

describe('a rollout is settled', () => {
  it('not when the new pods are available, but when the old ones are gone too', async () => {
    const client = scripted('plain', [
      {
        updated: 1,
        total: 3,
        available: 2,
        pods: [
          ['old-1', false],
          ['old-2', true],
          ['new-1', false],
        ],
      },
      {
        updated: 2,
        total: 2,
        available: 2,
        pods: [
          ['old-1', true],
          ['new-1', false],
          ['new-2', false],
        ],
      },
      {
        updated: 2,
        total: 2,
        available: 2,
        pods: [
          ['old-1', true],
          ['new-1', false],
          ['new-2', false],
        ],
      },
      {
        updated: 2,
        total: 2,
        available: 2,
        pods: [
          ['new-1', false],
          ['new-2', false],
        ],
      },
    ]);
    const startedAtMs = Date.now();
    const { times, podEnds } = await followRollout(client, 'shop', 'plain', startedAtMs, 10_000, never);
    expect(times.availableAtMs - startedAtMs).toBeGreaterThanOrEqual(240);
    expect(times.settledAtMs - times.availableAtMs).toBeGreaterThanOrEqual(490);
    expect(podEnds.map((end) => end.pod)).toEqual(['plain-old-2', 'plain-old-1']);
    for (const end of podEnds) expect(end.goneAtMs).toBeGreaterThan(end.terminatingAtMs);
  });

  it('never when it is stuck: the error says what is missing', async () => {
    const client = scripted('protected', [{ updated: 1, total: 3, available: 2, pods: [['old-1', true]] }]);
    const follow = followRollout(client, 'shop', 'protected', Date.now(), 300, never);
    await expect(follow).rejects.toThrow(
      /shop\/protected: not settled after 300 ms: 1 of 2 updated, 2 available, 1 terminating/,
    );
  });
});
