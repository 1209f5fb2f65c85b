import { describe, expect, test } from 'vitest';
import type { GracefulRolloutStatus } from '../../api/index.ts';
import { announcements } from './announce.ts';
import type { Assessment, Situation } from './situation.ts';

const at = '2026-11-22T12:00:00Z';
const change = { path: 'spec.template.spec.terminationGracePeriodSeconds', from: '30', to: '35' };

function status(ready: string, more: Partial<GracefulRolloutStatus> = {}, contested = 'False'): GracefulRolloutStatus {
  const [state = '', reason = ''] = ready.split('/');
  const condition = (type: string, value: string, why: string) =>
    ({
      type,
      status: value as 'True' | 'False',
      reason: why,
      message: `message of ${why}`,
      lastTransitionTime: at,
    }) as const;
  return {
    conditions: [
      condition('Ready', state, reason),
      condition('Contested', contested, contested === 'True' ? 'FieldContested' : 'NotContested'),
    ],
    ...more,
  };
}

function said(situation: Situation, before: GracefulRolloutStatus | undefined, after: GracefulRolloutStatus): string[] {
  const assessment: Assessment = { situation, findings: [] };
  return announcements(before, after, assessment).map(({ reason, note }) => `${reason}: ${note}`);
}

describe('one event for each change, none for the same again', () => {
  const enforced: Situation = { kind: 'Enforced', adopted: false, later: [] };

  test('an adoption lists the leaves', () => {
    const after = status('False/RollingOut', {
      changes: [change],
      target: { name: 'web', uid: 'u', generation: 1, templateHash: 'h' },
    });
    expect(said({ ...enforced, adopted: true }, undefined, after)).toEqual([
      `Adopted: brought web to the contract: ${change.path} 30 → 35`,
    ]);
  });

  test('a write that the webhook completed is told once', () => {
    const after = status('True/Enforced', { changes: [change] });
    expect(said(enforced, status('False/TargetNotFound'), after)).toEqual([
      `Completed: completed in the author's own write: ${change.path} 30 → 35`,
    ]);
    expect(said(enforced, after, after)).toEqual([]);
  });

  test('a contest, when it begins', () => {
    const before = status('True/Enforced');
    const after = status('True/Enforced', {}, 'True');
    expect(said(enforced, before, after)).toEqual(['FieldContested: message of FieldContested']);
    expect(said(enforced, after, after)).toEqual([]);
  });

  test.each([
    [{ kind: 'TargetNotFound' }, 'TargetNotFound', 'TargetNotFound'],
    [{ kind: 'InvalidSpec', problems: [] }, 'InvalidSpec', 'InvalidSpec'],
    [{ kind: 'OlderRolloutGoverns', winner: 'web' }, 'HeldByOlder', 'ConflictingRollout'],
    [{ kind: 'WebhookNotCalled', missing: [] }, 'WebhookNotCalled', 'AdoptionFailed'],
    [{ kind: 'WriteRefused', message: '' }, 'WriteRefused', 'AdoptionFailed'],
  ] as const)('%o', (situation, reason, event) => {
    const after = status(`False/${reason}`);
    expect(said(situation, undefined, after)).toEqual([`${event}: message of ${reason}`]);
    expect(said(situation, after, after)).toEqual([]);
  });

  test.each(['True', 'False'])('a rollout that is stuck, with Ready %s', (ready) => {
    const before = status(`${ready}/RollingOut`);
    const after = status(`${ready}/RolloutStuck`);
    expect(said(enforced, before, after)).toEqual(['RolloutStuck: message of RolloutStuck']);
    expect(said(enforced, after, after)).toEqual([]);
    expect(said(enforced, after, before)).toEqual([]);
  });

  test('a target that goes, not one that comes', () => {
    const there = status('True/Enforced');
    const gone = status('False/TargetNotFound');
    expect(said({ kind: 'TargetNotFound' }, there, gone)).toEqual(['TargetNotFound: message of TargetNotFound']);
    expect(said(enforced, gone, there)).toEqual([]);
  });

  test.each([
    [{ kind: 'Audited', missing: [] }, 'True/Audited'],
    [{ kind: 'AwaitingNextRollout', missing: [change] }, 'True/AwaitingNextRollout'],
    [enforced, 'False/Paused'],
    [enforced, 'True/ScaledToZero'],
    [enforced, 'False/RollingOut'],
  ] as const)('%o, %s is ordinary: the condition says it, no event', (situation, ready) => {
    expect(said(situation, undefined, status(ready))).toEqual([]);
  });

  test('a finding of severity warning, when it is new', () => {
    const warning = { code: 'HookTooShort', severity: 'warning', field: 'f', message: 'too short' } as const;
    const info = { code: 'PortNotDeclared', severity: 'info', message: 'guessed' } as const;
    const after = status('True/Enforced', { findings: [warning, info] });
    expect(said(enforced, status('True/Enforced'), after)).toEqual(['Finding: HookTooShort: too short']);
    expect(said(enforced, after, after)).toEqual([]);
  });
});
