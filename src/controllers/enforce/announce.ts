import type { Claim } from '../../api/claim.ts';
import { API_VERSION, EVENTS, type EventReason, type GracefulRolloutStatus, KIND } from '../../api/index.ts';
import type { EventRecorder } from '../../kube/events.ts';
import type { Assessment } from './situation.ts';

interface Announcement {
  readonly reason: EventReason;
  /** What the operator was doing, one word. */
  readonly action: string;
  readonly note: string;
}

/** Events for what changed between two statuses: one per change, none for a status that says the same again. */
export function announce(
  events: Pick<EventRecorder, 'record'>,
  claim: Claim,
  after: GracefulRolloutStatus,
  assessment: Assessment,
): void {
  const { namespace = '', name = '', uid = '' } = claim.metadata;
  const regarding = { apiVersion: API_VERSION, kind: KIND, namespace, name, uid };
  for (const { reason, action, note } of announcements(claim.status, after, assessment)) {
    events.record({ regarding, type: EVENTS[reason].type, reason, action, note });
  }
}

/** Pure part of {@link announce}. */
export function announcements(
  before: GracefulRolloutStatus | undefined,
  after: GracefulRolloutStatus,
  assessment: Assessment,
): readonly Announcement[] {
  const was = (type: string) => before?.conditions?.find((condition) => condition.type === type);
  const now = (type: string) => after.conditions?.find((condition) => condition.type === type);
  const turned = (type: string): boolean =>
    now(type)?.status === 'True' && (was(type)?.status !== 'True' || was(type)?.reason !== now(type)?.reason);
  const said: Announcement[] = [];
  const list = (after.changes ?? []).map(({ path, from, to }) => `${path} ${from ?? '(unset)'} → ${to}`).join(', ');
  const { situation } = assessment;
  const ready = now('Ready');
  const reasonChanged = was('Ready')?.reason !== ready?.reason;
  if (situation.kind === 'Enforced' && situation.adopted) {
    said.push({
      reason: 'Adopted',
      action: 'Adopt',
      note: `brought ${after.target?.name ?? ''} to the contract: ${list}`,
    });
  }
  const wasChanged = JSON.stringify(before?.changes ?? []) !== JSON.stringify(after.changes ?? []);
  if (situation.kind === 'Enforced' && !situation.adopted && wasChanged && list !== '') {
    said.push({ reason: 'Completed', action: 'Complete', note: `completed in the author's own write: ${list}` });
  }
  if (turned('Contested')) {
    said.push({ reason: 'FieldContested', action: 'Enforce', note: now('Contested')?.message ?? '' });
  }
  // An ordinary rollout leaves Ready True, and may be stuck all the same.
  if (reasonChanged && ready?.reason === 'RolloutStuck') {
    said.push({ reason: 'RolloutStuck', action: 'Observe', note: ready.message });
  }
  if (reasonChanged && ready?.status === 'False') {
    const note = ready.message;
    if (situation.kind === 'TargetNotFound') said.push({ reason: 'TargetNotFound', action: 'Observe', note });
    if (situation.kind === 'InvalidSpec') said.push({ reason: 'InvalidSpec', action: 'Read', note });
    if (situation.kind === 'OlderRolloutGoverns') said.push({ reason: 'ConflictingRollout', action: 'Elect', note });
    if (situation.kind === 'WebhookNotCalled' || situation.kind === 'WriteRefused') {
      said.push({ reason: 'AdoptionFailed', action: 'Adopt', note });
    }
  }
  const known = new Set((before?.findings ?? []).map(({ code, field }) => `${code} ${field ?? ''}`));
  for (const { code, field, severity, message } of after.findings ?? []) {
    if (severity !== 'warning' || known.has(`${code} ${field ?? ''}`)) continue;
    said.push({ reason: 'Finding', action: 'Judge', note: `${code}: ${message}` });
  }
  return said;
}
