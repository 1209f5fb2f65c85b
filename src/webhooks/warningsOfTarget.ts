import type { Finding as StatusFinding } from '../api/index.ts';
import type { Deployment } from '../api/kubernetes.ts';
import type { Logger } from '../runtime/index.ts';
import { judge, staleInMs, workloadOf } from '../safety/index.ts';
import type { WarningsView } from './warnings.ts';
import { type PolicyDefaults, policyOf } from './warningsPolicy.ts';

export interface TargetRulesOptions {
  readonly view: Omit<WarningsView, 'deployment'>;
  readonly defaults: PolicyDefaults;
  readonly nowMs: () => number;
  readonly log: Logger;
}

/** What the rules say of a target. */
export interface TargetVerdict {
  readonly findings: readonly StatusFinding[];
  /** How long it holds if nothing changes; absent: for ever. */
  readonly staleInMs?: number;
}

/**
 * What the rules say of the target of a GracefulRollout, for its status: where nobody sees warnings (GitOps), that is where
 * people look. At the strictest of the three levels of its namespace; nothing where all three are off, or before the first
 * lists are there. Never throws: a slip in a rule must not keep a target from its contract.
 */
export function targetRules(options: TargetRulesOptions): (target: Deployment) => TargetVerdict {
  return (target) => {
    try {
      return verdictOf(target, options);
    } catch (error) {
      const { namespace, name } = target.metadata;
      options.log.error('a target could not be judged', { namespace, name, err: error });
      return { findings: [] };
    }
  };
}

function verdictOf(target: Deployment, { view, defaults, nowMs }: TargetRulesOptions): TargetVerdict {
  const { namespace = '' } = target.metadata;
  const workload = view.synced() ? workloadOf(target) : undefined;
  if (workload === undefined) return { findings: [] };
  const { warn, audit, enforce } = policyOf(view.namespaceLabels(namespace) ?? {}, defaults).policy;
  const modes = [warn, audit, enforce].filter((mode) => mode !== undefined);
  const mode = modes.find(({ level }) => level === 'strict') ?? modes[0];
  if (mode === undefined) return { findings: [] };
  const at = nowMs();
  const stale = staleInMs(workload, at);
  const findings = judge(workload, view.contextOf(namespace), { ...mode, nowMs: at }).map<StatusFinding>(
    ({ code, severity, field, message, remedy }) => ({
      code,
      severity: severity === 'info' ? 'info' : 'warning',
      field,
      message,
      remedy,
    }),
  );
  return { findings, ...(stale === undefined ? {} : { staleInMs: stale }) };
}
