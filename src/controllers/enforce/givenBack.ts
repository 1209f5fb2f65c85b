import { EVENTS } from '../../api/index.ts';
import type { Deployment } from '../../api/kubernetes.ts';
import { givenBack } from '../../contract/index.ts';
import { type EventRecorder, referenceTo } from '../../kube/events.ts';
import { deployments, type Informer } from '../../kube/index.ts';

/**
 * The event for a target that was given back, on the Deployment. By what was stored, not by what the webhook answered: a
 * write may be refused after the webhook, and is made again after a conflict. One per change, by the one that leads.
 */
export function announceGivenBack(options: {
  readonly deployments: Pick<Informer<Deployment>, 'onChange'>;
  readonly events: Pick<EventRecorder, 'record'>;
  readonly isLeader: () => boolean;
}): void {
  const { events, isLeader } = options;
  const reason = 'GivenBack';
  options.deployments.onChange((_key, { old, new: now }) => {
    if (old === undefined || now === undefined || old.metadata.uid !== now.metadata.uid || !isLeader()) return;
    const changes = givenBack(old, now);
    if (changes.length === 0) return;
    const list = changes.map(({ path, from, to }) => `${path} ${from ?? ''} → ${to === 'null' ? '(unset)' : to}`);
    const note = `gave back what was changed for the contract: ${list.join(', ')}`;
    events.record({
      regarding: referenceTo(deployments, now),
      ...{ type: EVENTS[reason].type, reason, action: 'GiveBack', note },
    });
  });
}
