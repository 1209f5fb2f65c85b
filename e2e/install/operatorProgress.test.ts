import { describe, expect, it } from 'vitest';
import { describeRollout } from './operatorProgress.ts';

const state = (status: object, generation = 2) =>
  describeRollout({ metadata: { generation }, spec: { replicas: 2 }, status: { observedGeneration: 2, ...status } });

describe('describeRollout', () => {
  it('waits for the Deployment controller to look', () => {
    expect(describeRollout({ metadata: { generation: 1 }, spec: { replicas: 2 } }).done).toBe(false);
    const before = { replicas: 2, updatedReplicas: 2, availableReplicas: 2 };
    expect(state(before, 3)).toEqual({ done: false, text: 'waiting for the Deployment' });
  });

  it('counts replicas that are ready', () => {
    const text = '1 of 2 replicas of the operator are ready';
    expect(state({ replicas: 2, updatedReplicas: 2, availableReplicas: 1 })).toEqual({ done: false, text });
  });

  it('is not done while pods of the version before are left', () => {
    const { done, text } = state({ replicas: 3, updatedReplicas: 2, availableReplicas: 3 });
    expect(done).toBe(false);
    expect(text).toBe('2 of 2 replicas of the operator are ready, 1 of the version before is left');
  });

  it('says why pods cannot be made', () => {
    const conditions = [{ type: 'ReplicaFailure', status: 'True', message: 'forbidden: violates PodSecurity' }];
    expect(state({ conditions }).text).toContain('forbidden: violates PodSecurity');
  });

  it('is done when only new pods are left and all are available', () => {
    expect(state({ replicas: 2, updatedReplicas: 2, availableReplicas: 2 }).done).toBe(true);
  });
});
