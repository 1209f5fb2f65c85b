import type { RunningContainer } from './facts.ts';
import { member } from './read.ts';
import { short } from './rule.ts';
import type { Edit, Path, Workload } from './types.ts';

/** For people: `spec.template.spec.<member>`. */
export function podField({ podSpecPath }: Workload, member: string): string {
  return [...podSpecPath, member].join('.');
}

/** For people: `spec.template.spec.containers[app].<member>`. */
export function containerField(
  { podSpecPath }: Workload,
  { container, init }: RunningContainer,
  member: string,
): string {
  return [...podSpecPath, `${listOf(init)}[${short(container.name)}]`, member].join('.');
}

/** A step into the raw object. */
export function containerPath(
  { podSpecPath }: Workload,
  { container, init }: RunningContainer,
  ...steps: readonly string[]
): Path {
  return [...podSpecPath, listOf(init), container.position, ...steps];
}

/** A native sleep of this many seconds in place of any hook. */
export function sleepEdit(workload: Workload, running: RunningContainer, seconds: number): Edit {
  return { path: containerPath(workload, running, 'lifecycle', 'preStop'), value: { sleep: { seconds } } };
}

export function graceEdit({ podSpecPath }: Workload, seconds: number): Edit {
  return { path: [...podSpecPath, 'terminationGracePeriodSeconds'], value: seconds };
}

function listOf(init: boolean): string {
  return init ? 'initContainers' : 'containers';
}

/** What the raw object has there. */
export function rawAt({ raw }: Workload, path: Path): unknown {
  return path.reduce<unknown>((at, step) => {
    if (Array.isArray(at)) return typeof step === 'number' ? (at as readonly unknown[])[step] : undefined;
    return typeof step === 'string' ? member(at, step) : undefined;
  }, raw);
}
