import type { Finding, FindingCode } from '../../api/index.ts';
import type { Assessment } from './situation.ts';

/** Rules on workloads that say the same as a finding of the contract, which knows the GracefulRollout and says it better. */
const sameFact: Readonly<Partial<Record<FindingCode, string>>> = {
  PortNameNotFound: 'GR405',
  ReadinessProbeMissing: 'GR101',
  RecreateStrategy: 'GR301',
  SurgeImpossible: 'GR305',
  HookNeverEnds: 'GR202',
};

/** The assessment with what the rules found about the target, each fact told once. A target that goes, or has another owner, is left. */
export function withRules(assessment: Assessment, found: readonly Finding[]): Assessment {
  const { situation, target, findings } = assessment;
  if (target === undefined || situation.kind === 'TargetTerminating') return assessment;
  const told = new Set(
    findings.flatMap(({ code }) => Object.entries(sameFact).find(([known]) => known === code)?.[1] ?? []),
  );
  const added = found.filter(({ code }) => !told.has(code));
  return added.length === 0 ? assessment : { ...assessment, findings: [...findings, ...added] };
}
