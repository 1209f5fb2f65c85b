import type { Finding, JudgeOptions, Rule, Workload } from '../../safety/index.ts';

/**
 * Two rules in place of the real ones, so that what the commands print changes only when they do: GR101 (no probe, no fix)
 * and GR201 (a grace period below 30, with a fix, strict for one that is not written).
 */
export const FEW_RULES: readonly Rule[] = [
  fewRule('GR101', 'no-probe', 'error'),
  fewRule('GR201', 'short-grace', 'warning'),
];

export function fewRuleOf(code: string): Rule | undefined {
  return FEW_RULES.find((rule) => rule.code === code.toUpperCase());
}

export function judgeByFewRules(workload: Workload, _context: unknown, { level }: JudgeOptions): Finding[] {
  const { kind, name, template, podSpecPath } = workload;
  const place = workload.namespace === undefined ? name : `${workload.namespace}/${name}`;
  const object = { kind, name, ...(workload.namespace === undefined ? {} : { namespace: workload.namespace }) };
  const podSpec = podSpecPath.join('.');
  const findings: Finding[] = template.spec.containers
    .filter(({ readinessProbe }) => readinessProbe === undefined)
    .map(({ name: container }) => ({
      code: 'GR101',
      severity: 'error',
      level: 'baseline',
      object,
      container,
      field: `${podSpec}.containers[${container}].readinessProbe`,
      message: `${place}: ${container} has no probe, 100% of a new pod's requests are lost`,
      remedy: 'write a probe',
    }));
  const seconds = template.spec.terminationGracePeriodSeconds;
  if ((seconds ?? 0) < 30) {
    findings.push({
      code: 'GR201',
      severity: 'warning',
      level: seconds === undefined ? 'strict' : 'baseline',
      object,
      field: `${podSpec}.terminationGracePeriodSeconds`,
      message: `${place}: grace ${seconds ?? 'not written'}, 30 is needed`,
      remedy: 'write 30',
      fix: [{ path: [...podSpecPath, 'terminationGracePeriodSeconds'], value: 30 }],
    });
  }
  return findings.filter((finding) => level === 'strict' || finding.level === 'baseline');
}

function fewRule(code: string, name: string, severity: Rule['severity']): Rule {
  return {
    code,
    name,
    title: `Title of ${code}`,
    level: 'baseline',
    severity,
    since: 'v1',
    appliesTo: ['Deployment'],
    why: `Why ${code}: ${'because of what Kubernetes does there, '.repeat(4)}and so on.`,
    example: 'kind: Deployment\nspec:\n  replicas: 1\n',
    hasFix: code === 'GR201',
    fixText: `What to do about ${code}.`,
    check: () => [],
  };
}
