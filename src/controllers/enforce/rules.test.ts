import { expect, test } from 'vitest';
import type { Finding } from '../../api/index.ts';
import { withRules } from './rules.ts';
import type { Assessment, TargetFacts } from './situation.ts';

const target: TargetFacts = {
  name: 'web',
  uid: 'd1',
  generation: 1,
  templateHash: 'h',
  paused: false,
  replicas: 1,
  oldReplicas: 0,
  rolledOut: true,
  served: true,
};
const finding = (code: string): Finding => ({ code, severity: 'warning', message: code });
const assessment = (more: Partial<Assessment> = {}): Assessment => ({
  situation: { kind: 'Audited', missing: [] },
  target,
  findings: [],
  ...more,
});
const codes = ({ findings }: Assessment): readonly string[] => findings.map(({ code }) => code);

test('the rules come after the contract', () => {
  const result = withRules(assessment({ findings: [finding('NoService')] }), [finding('GR101'), finding('GR302')]);
  expect(codes(result)).toEqual(['NoService', 'GR101', 'GR302']);
});

test.each([
  ['PortNameNotFound', 'GR405'],
  ['ReadinessProbeMissing', 'GR101'],
  ['RecreateStrategy', 'GR301'],
  ['SurgeImpossible', 'GR305'],
  ['HookNeverEnds', 'GR202'],
])('%s has said it: %s is left out', (contract, rule) => {
  const result = withRules(assessment({ findings: [finding(contract)] }), [finding(rule), finding('GR302')]);
  expect(codes(result)).toEqual([contract, 'GR302']);
});

test('a target that goes, or that is not there, is not judged', () => {
  const leaving = assessment({ situation: { kind: 'TargetTerminating' } });
  expect(withRules(leaving, [finding('GR101')])).toBe(leaving);
  const { target: _, ...absent } = assessment({ situation: { kind: 'TargetNotFound' } });
  expect(withRules(absent, [finding('GR101')])).toBe(absent);
});
