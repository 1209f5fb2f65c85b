import { afterEach } from 'vitest';
import { onProgress } from '../cases/clusterUnderTest.ts';
import { workloadsOf } from './gateCases.ts';
import type { GateRig } from './gateTests.ts';
import { type Stage, setStage, strike } from './stage.ts';
import type { Workload } from './workload.ts';

/** What of the workloads is set up, and how. */
export interface GateAloneOptions {
  /** The names of those that are wanted. Default: `plain` and `protected`. */
  readonly sides?: readonly string[];
  /** Of each workload. */
  readonly change?: Partial<Workload>;
}

/** The stages of a test file; valid inside tests. */
export interface GateAloneStages {
  /** A plain and a protected workload without any preStop sleep, in a namespace of their own. */
  set(namespace: string, options?: GateAloneOptions): Promise<Stage>;
  /** Has this done at the end of the test, before its stages are struck: undoes what the test did to the operator. */
  undoAtEnd(undo: () => Promise<void>): void;
}

/** Stages on which nothing but the gate keeps requests; each is struck at the end of the test that has set it. */
export function gateAloneStages(rig: GateRig): GateAloneStages {
  const signal = new AbortController().signal;
  const stages: Stage[] = [];
  const undoing: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const undo of undoing.splice(0)) await undo();
    for (const stage of stages.splice(0)) await strike(stage);
  });
  return {
    async set(namespace, { sides = ['plain', 'protected'], change = {} } = {}) {
      const variant = { case: 'rollout', server: 'abrupt', mode: 'new-connection', termination: 'gate-alone' } as const;
      const workloads = workloadsOf(variant, rig.image('abrupt'))
        .filter(({ name }) => sides.includes(name))
        .map((workload) => ({ ...workload, ...change, namespace }));
      const stage = await setStage(rig.cluster(), rig.client(), workloads, { signal, onProgress });
      stages.push(stage);
      return stage;
    },
    undoAtEnd: (undo) => {
      undoing.push(undo);
    },
  };
}
