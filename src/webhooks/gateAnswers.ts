import type { Counter } from 'prom-client';
import type { AdmitReason, JudgedPod } from '../gate/admit.ts';
import { reasonOf } from '../gate/admitPlan.ts';
import type { DrainPath, DrainState } from '../gate/types.ts';
import type { Logger } from '../runtime/index.ts';
import { type AdmissionRequest, type AdmissionResponse, allow, deny } from './admissionReview.ts';

export type GateWebhook = 'gate-replicasets' | 'gate-deletes' | 'gate-evictions';

/** A request and where it came in. */
export interface Asked {
  readonly webhook: GateWebhook;
  readonly request: AdmissionRequest;
}

/** How a request ended; the label `answer` of the counter. */
type GateAnswer =
  | AdmitReason
  /** ReplicaSet controller: 404. */
  | 'NotFound'
  /** Eviction: 429. */
  | 'TooManyRequests'
  | 'NotAPod'
  | 'Gone'
  /** The intent could not be written. */
  | 'WriteFailed'
  /** No time was left for it. */
  | 'NoTime'
  /** 25 s were not enough. */
  | 'NotDrainedInTime'
  /** As many requests are held as may be. */
  | 'TooManyHeld'
  | 'HungUp'
  /** A fault of ours. */
  | 'Failed';

/** Makes the answers of the gate's webhooks; each is counted, logged and left in the audit log. */
export class GateAnswers {
  readonly #answers: Counter<'webhook' | 'answer'>;
  readonly #log: Logger;

  constructor(answers: Counter<'webhook' | 'answer'>, log: Logger) {
    this.#answers = answers;
    this.#log = log;
  }

  admit(asked: Asked, answer: GateAnswer, pod?: JudgedPod): AdmissionResponse {
    this.#note(asked, answer, pod);
    return allow(asked.request, { auditAnnotations: { gate: answer } });
  }

  /** A person waited in vain, and is told so. */
  admitUndrained(asked: Asked, state: DrainState, pod: JudgedPod): AdmissionResponse {
    this.#note(asked, 'NotDrainedInTime', pod);
    const { namespace, name } = pod.metadata;
    return allow(asked.request, {
      warnings: [`pod ${namespace}/${name} is deleted before it is drained: ${reasonOf(state)}`],
      auditAnnotations: { gate: 'NotDrainedInTime' },
    });
  }

  /** There is no place to wait in. */
  admitUnheld(asked: Asked, pod: JudgedPod): AdmissionResponse {
    this.#note(asked, 'TooManyHeld', pod);
    const { namespace, name } = pod.metadata;
    return allow(asked.request, {
      warnings: [`pod ${namespace}/${name} is deleted before it is drained: too many deletions wait at once`],
      auditAnnotations: { gate: 'TooManyHeld' },
    });
  }

  /**
   * 404 takes a pod for gone (`controller_utils.go` DeletePod) and makes no noise; 429 is what `kubectl drain` and the
   * autoscalers ask again after.
   */
  refuse(asked: Asked, path: DrainPath, state: DrainState, pod: JudgedPod): AdmissionResponse {
    const answer = path === 'ScaleDown' ? 'NotFound' : 'TooManyRequests';
    this.#note(asked, answer, pod);
    const code = answer === 'NotFound' ? 404 : 429;
    const message = `pod ${pod.metadata.name} is being drained: ${reasonOf(state)}`;
    return deny(asked.request, { code, reason: answer, message }, { auditAnnotations: { gate: answer } });
  }

  #note({ webhook, request }: Asked, answer: GateAnswer, pod?: JudgedPod): void {
    this.#answers.inc({ webhook, answer });
    this.#log.debug('answered the end of a pod', {
      webhook,
      answer,
      namespace: request.namespace,
      name: request.name,
      uid: pod?.metadata.uid,
      username: request.userInfo.username,
    });
  }
}
