import type { Finding } from '../api/index.ts';
import type { LifecycleHandler } from '../api/kubernetes.ts';
import { containerPath } from './contractFields.ts';
import { formatPath } from './fieldPath.ts';
import { finding } from './findings.ts';
import type { TemplateContainer } from './servingContainers.ts';
import { parseSleep, type Sleep } from './sleepCommand.ts';

/** A hook that claims more than a day is taken to have no end: no grace period is raised for it. */
export const longestHookSeconds = 86_400;

/** How long a hook takes; undefined for httpGet, tcpSocket and commands that are more than a sleep. */
export function hookSleep(hook: LifecycleHandler | undefined): Sleep | undefined {
  if (hook?.sleep !== undefined) return { seconds: hook.sleep.seconds, exact: true };
  return hook?.exec === undefined ? undefined : parseSleep(hook.exec.command ?? []);
}

/** The seconds to allow for in the grace period; undefined when there is no hook, or nothing useful is known of it. */
export function knownHookSeconds(hook: LifecycleHandler | undefined): number | undefined {
  const sleep = hookSleep(hook);
  return sleep === undefined || sleep.seconds > longestHookSeconds ? undefined : sleep.seconds;
}

/** What is to be said of an author's own hook, which is never replaced. */
export function hookFindings({ container, init }: TemplateContainer, wantedSeconds: number): Finding[] {
  const hook = container.lifecycle?.preStop;
  if (hook === undefined || wantedSeconds === 0) return [];
  const field = formatPath(containerPath(container.name, init, 'lifecycle', 'preStop'));
  const sleep = hookSleep(hook);
  const replace = `remove the hook, or let it sleep ${wantedSeconds} s`;
  if (sleep === undefined) {
    const message = `how long the preStop hook of container ${container.name} takes cannot be told; ${wantedSeconds} s were allowed for it`;
    const remedy = `let it take at least ${wantedSeconds} s, and set spec.termination.gracePeriodSeconds when it may take longer`;
    return [finding('HookUnknown', 'info', message, { field, remedy })];
  }
  if (sleep.seconds > longestHookSeconds) {
    const message = `the preStop hook of container ${container.name} does not end within a day: it takes the whole grace period, and nothing is left to drain`;
    return [finding('HookNeverEnds', 'warning', message, { field, remedy: replace })];
  }
  if (sleep.seconds >= wantedSeconds) return [];
  if (!sleep.exact) {
    const message = `the preStop hook of container ${container.name} sleeps ${sleep.seconds} s of the ${wantedSeconds} s wanted, and what else it does cannot be told`;
    return [finding('HookUnknown', 'info', message, { field, remedy: replace })];
  }
  const missing = Number((wantedSeconds - sleep.seconds).toFixed(3));
  const message = `the preStop hook of container ${container.name} takes ${sleep.seconds} s, ${missing} s less than the ${wantedSeconds} s wanted: it may get SIGTERM while requests still come in`;
  return [finding('HookTooShort', 'warning', message, { field, remedy: replace })];
}
