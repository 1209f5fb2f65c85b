import { describe, expect, test } from 'vitest';
import { ManualClock } from './clock.ts';
import { OperatorMetrics } from './metrics.ts';
import { WorkQueue } from './queue.ts';

describe('OperatorMetrics', () => {
  test('a queue shows up under the standard names', async () => {
    const clock = new ManualClock();
    const metrics = new OperatorMetrics();
    const queue: WorkQueue = new WorkQueue({ clock, metrics: metrics.queue('enforce', () => queue.runningSeconds()) });
    for (const key of ['a', 'b', 'c']) queue.add(key);
    await queue.get();
    await clock.advance(5_000);
    await queue.get();
    await clock.advance(2_000);
    queue.addRateLimited('d');
    const text = await metrics.registry.metrics();
    expect(text).toContain('workqueue_depth{name="enforce",controller="enforce"} 1');
    expect(text).toContain('workqueue_adds_total{name="enforce",controller="enforce"} 3');
    expect(text).toContain('workqueue_retries_total{name="enforce",controller="enforce"} 1');
    expect(text).toContain('workqueue_queue_duration_seconds_sum{name="enforce",controller="enforce"} 5');
    expect(text).toContain('workqueue_unfinished_work_seconds{name="enforce",controller="enforce"} 9');
    expect(text).toContain('workqueue_longest_running_processor_seconds{name="enforce",controller="enforce"} 7');
  });

  test('a controller is there from the start, at zero, and counts by result', async () => {
    const metrics = new OperatorMetrics();
    const controller = metrics.controller('enforce');
    expect(await metrics.registry.metrics()).toContain(
      'controller_runtime_reconcile_errors_total{controller="enforce"} 0',
    );
    controller.reconciled('error', 0.2);
    controller.reconciled('success', 0.1);
    controller.activeWorkers(1);
    controller.maxConcurrent(4);
    const text = await metrics.registry.metrics();
    expect(text).toContain('controller_runtime_reconcile_total{controller="enforce",result="error"} 1');
    expect(text).toContain('controller_runtime_reconcile_errors_total{controller="enforce"} 1');
    expect(text).toContain('controller_runtime_reconcile_time_seconds_count{controller="enforce"} 2');
    expect(text).toContain('controller_runtime_active_workers{controller="enforce"} 1');
    expect(text).toContain('controller_runtime_max_concurrent_reconciles{controller="enforce"} 4');
  });

  test('leadership, events and the process', async () => {
    const metrics = new OperatorMetrics({ processMetrics: true });
    metrics.leader('graceful-rollout', true);
    metrics.event('sent');
    const text = await metrics.registry.metrics();
    expect(text).toContain('leader_election_master_status{name="graceful-rollout"} 1');
    expect(text).toContain('kubernetes_events_total{result="sent"} 1');
    expect(text).toMatch(/process_resident_memory_bytes \d+/);
    expect(text).toMatch(/nodejs_eventloop_lag_p99_seconds/);
  });
});
