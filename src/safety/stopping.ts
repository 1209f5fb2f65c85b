import { DEFAULT_DRAIN_SECONDS, GRACE_MARGIN_SECONDS } from '../api/index.ts';
import { longestHookSeconds } from '../contract/index.ts';
import { programOf, scriptOf } from './containerScript.ts';
import { drainOf, type Facts, type RunningContainer, sleepOf } from './facts.ts';
import { imageName, imageOf } from './image.ts';
import { graceEdit } from './paths.ts';
import type { Edit, Workload, WorkloadContainer } from './types.ts';

/** A sleep that is long enough for service proxies on a cluster that is not overloaded: 0 of 19,923 requests lost. */
export const propagationSeconds = 5;

/** What an application is allowed after SIGTERM where it names nothing. */
const usualDrainSeconds = DEFAULT_DRAIN_SECONDS;

/**
 * Servers that close their listening sockets as soon as they get the stop signal of their official image, be it that they
 * still finish what they have begun (nginx and httpd: SIGQUIT and SIGWINCH, haproxy: SIGUSR1).
 */
const abruptServers = new Set(['nginx', 'nginx-unprivileged', 'openresty', 'httpd', 'haproxy']);

/** Programs that start one of them. */
const starters = new Set([
  ...abruptServers,
  'nginx-debug',
  'httpd-foreground',
  'apache2-foreground',
  'docker-entrypoint.sh',
]);

/** A server that stops listening at once. */
export interface AbruptServer {
  readonly name: string;
  /** Its image is an official one, of which the stop signal is known, and the manifest starts nothing else in it. */
  readonly certain: boolean;
}

/**
 * The server, when the image is one of those that stop listening at once. lighttpd does on SIGTERM and on SIGINT (its
 * doc/initscripts.txt), the workers of php-fpm on SIGTERM and on SIGQUIT (sapi/fpm/fpm/fpm_signals.c).
 */
export function stopsAbruptly(container: WorkloadContainer): AbruptServer | undefined {
  const { image } = container;
  const name = imageName(image);
  if (name === undefined) return undefined;
  if (abruptServers.has(name)) return { name, certain: isStarted(container) };
  if (name === 'lighttpd' || name === 'php-fpm') return { name, certain: false };
  const isFpm = name === 'php' && /(^|-)fpm(-|$)/.test(imageOf(image)?.tag ?? '');
  return isFpm ? { name: 'php-fpm', certain: false } : undefined;
}

/** By its image's own command, by a shell, or by its name. */
function isStarted(container: WorkloadContainer): boolean {
  const { command = [], args = [] } = container;
  if (command.length === 0 || scriptOf(container) !== undefined) return true;
  return [...command, ...args].some((word) => starters.has(programOf(word)));
}

/**
 * The grace period that a container with a hook of so many seconds asks for, and no less than what the other containers
 * of the pod ask for: they share it, and the fixes of several findings must not undo each other.
 */
export function graceFor(facts: Facts, running: RunningContainer, hookSeconds: number): number {
  const needs = facts.running.map((each) => {
    const seconds = each === running ? hookSeconds : (sleepOf(each)?.seconds ?? 0);
    const hook = seconds > longestHookSeconds ? 0 : Math.ceil(seconds);
    return hook + Math.ceil(drainOf(facts, each)?.seconds ?? (hook > 0 ? usualDrainSeconds : 0));
  });
  return Math.max(...needs) + GRACE_MARGIN_SECONDS;
}

/** What is to be done about a hook that stops the server at once. */
export function sleepFirst(stop: string): string {
  return `let preStop sleep first: sh -c "sleep ${propagationSeconds}; ${stop}"`;
}

/** A new hook must not eat up what the application had after SIGTERM, or says that it needs. */
export function graceForSleep(
  workload: Workload,
  facts: Facts,
  running: RunningContainer,
  hookSeconds: number,
): Edit[] {
  const declared = drainOf(facts, running)?.seconds;
  const neededSeconds = hookSeconds + (declared ?? Math.min(facts.graceSeconds, usualDrainSeconds));
  return facts.graceSeconds >= neededSeconds ? [] : [graceEdit(workload, graceFor(facts, running, hookSeconds))];
}
