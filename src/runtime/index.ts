export { type CacheDriftOptions, cacheDriftTask } from './cacheDrift.ts';
export { type Clock, ManualClock, systemClock } from './clock.ts';
export {
  Controller,
  type ControllerOptions,
  type ObjectKey,
  type Reconcile,
  type ReconcileContext,
  type ReconcileOutcome,
} from './controller.ts';
export { type HealthCheck, HealthServer, type HealthServerOptions } from './health.ts';
export { eventLoopDelayCheck, silentWatchCheck, type WatchActivity } from './healthChecks.ts';
export { type LinkedAbort, linkAbort } from './linkAbort.ts';
export {
  createLogger,
  LOG_FORMATS,
  LOG_LEVELS,
  type LogFields,
  type LogFormat,
  type Logger,
  type LoggerOptions,
  type LogLevel,
  silentLogger,
} from './logger.ts';
export {
  type ManagedInformer,
  type ManagedServer,
  type ManagedTask,
  Manager,
  type ManagerOptions,
} from './manager.ts';
export { type ControllerMetrics, OperatorMetrics, type ReconcileResult } from './metrics.ts';
export { type QueueMetrics, WorkQueue, type WorkQueueOptions } from './queue.ts';
export { ItemBackoff, TokenBucket } from './rateLimit.ts';
export { ComponentFailedError } from './supervisor.ts';
