import { describe, expect, it } from 'vitest';
import type { Pod } from '../../src/kube/index.ts';
import { BudgetWatch, type PodDisruptionBudget } from './budgetWatch.ts';

const drain = (path: string): Record<string, string> => ({ 'graceful-rollout.io/drain': JSON.stringify({ path }) });

function pod(name: string, change: { label?: boolean; terminating?: boolean; path?: string } = {}): Pod {
  return {
    metadata: {
      name,
      uid: name,
      labels: change.label === false ? {} : { app: 'web' },
      annotations: change.path === undefined ? {} : drain(change.path),
      ...(change.terminating === true ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
    },
    spec: { containers: [] },
    status: { conditions: [{ type: 'Ready', status: 'True' }] },
  };
}

function budget(disruptionsAllowed: number, minAvailable = 1): PodDisruptionBudget {
  const selector = { matchLabels: { app: 'web' } };
  return { metadata: { name: 'web' }, spec: { minAvailable, selector }, status: { disruptionsAllowed } };
}

function watchOf(pods: readonly string[], allowed: number, minAvailable: number): BudgetWatch {
  const watch = new BudgetWatch();
  watch.noteBudget({ object: budget(allowed, minAvailable), gone: false, atMs: 0 });
  for (const name of pods) watch.notePod({ object: pod(name), gone: false, atMs: 0 });
  return watch;
}

describe('BudgetWatch', () => {
  it('says nothing where the budget had one to give', () => {
    const watch = watchOf(['a', 'b'], 1, 1);
    watch.notePod({ object: pod('a', { label: false, path: 'Eviction' }), gone: false, atMs: 5000 });
    expect(watch.evictions).toBe(1);
    expect(watch.violations).toEqual([]);
  });

  it('sees an isolation while the budget allowed none', () => {
    const watch = watchOf(['a', 'b'], 0, 1);
    watch.notePod({ object: pod('a', { label: false, path: 'Eviction' }), gone: false, atMs: 5000 });
    expect(watch.violations).toEqual([expect.stringContaining('a evicted while budget web allowed none')]);
  });

  it('waits for a status that lags behind', () => {
    const watch = watchOf(['a', 'b'], 1, 1);
    watch.noteBudget({ object: budget(0), gone: false, atMs: 4500 });
    watch.notePod({ object: pod('a', { label: false, path: 'Eviction' }), gone: false, atMs: 5000 });
    expect(watch.violations).toEqual([]);
  });

  it('sees two pods go on one yes', () => {
    const watch = watchOf(['a', 'b', 'c'], 1, 2);
    watch.notePod({ object: pod('a', { label: false, path: 'Eviction' }), gone: false, atMs: 5000 });
    watch.notePod({ object: pod('b', { label: false, path: 'Eviction' }), gone: false, atMs: 5100 });
    expect(watch.violations).toEqual([expect.stringContaining('1 healthy pods left, budget web asks for 2')]);
  });

  it('does not blame an eviction for what a rollout took at the same time, nor a rollout at all', () => {
    const watch = watchOf(['a', 'b', 'c'], 1, 2);
    watch.notePod({ object: pod('a', { terminating: true, path: 'ScaleDown' }), gone: false, atMs: 5000 });
    watch.notePod({ object: pod('b', { label: false, path: 'Eviction' }), gone: false, atMs: 5100 });
    expect(watch.evictions).toBe(1);
    expect(watch.violations).toEqual([]);
  });

  it('counts a pod once, however many states it goes through', () => {
    const watch = watchOf(['a', 'b'], 1, 1);
    watch.notePod({ object: pod('a', { label: false, path: 'Eviction' }), gone: false, atMs: 5000 });
    watch.notePod({ object: pod('a', { label: false, terminating: true, path: 'Eviction' }), gone: false, atMs: 6000 });
    watch.notePod({ object: pod('a', { label: false, terminating: true, path: 'Eviction' }), gone: true, atMs: 7000 });
    expect(watch.evictions).toBe(1);
  });
});
