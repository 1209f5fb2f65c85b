import { type Claim, claimOf } from '../../../api/claim.ts';
import { API_VERSION, KIND } from '../../../api/index.ts';
import type { Deployment, Service } from '../../../api/kubernetes.ts';
import { decideAdmission } from '../../../contract/index.ts';
import type { Adoption, Decision, Snapshot } from '../decide.ts';
import { report } from '../report.ts';
import type { Assessment } from '../situation.ts';

/** The moment of every snapshot. */
export const nowMs = Date.parse('2026-11-22T12:00:00Z');

const service: Service = {
  metadata: { name: 'web', namespace: 'shop', uid: 's1' },
  spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] },
};

/** A GracefulRollout `shop/web` that names {@link deployment}. */
export function claim(spec: object = {}, extra: { status?: object; name?: string; created?: string } = {}): Claim {
  const name = extra.name ?? 'web';
  return claimOf({
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: {
      name,
      namespace: 'shop',
      uid: `uid-${name}`,
      generation: 3,
      resourceVersion: '7',
      creationTimestamp: extra.created ?? '2026-01-01T00:00:00Z',
    },
    spec: { targetRef: { name: 'web' }, ...spec },
    ...(extra.status === undefined ? {} : { status: extra.status }),
  });
}

/** A Deployment that is rolled out and lacks the contract. */
export function deployment(spec: Partial<Deployment['spec']> = {}, status: Deployment['status'] = {}): Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'shop', uid: 'd1', generation: 5, resourceVersion: '11' },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: 'web' } },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' } },
      progressDeadlineSeconds: 600,
      template: {
        metadata: { labels: { app: 'web' } },
        spec: {
          containers: [
            {
              name: 'app',
              image: 'app:1',
              ports: [{ containerPort: 8080 }],
              readinessProbe: { httpGet: { path: '/ready', port: 8080 } },
            },
          ],
          terminationGracePeriodSeconds: 30,
        },
      },
      ...spec,
    },
    status: { observedGeneration: 5, replicas: 2, updatedReplicas: 2, ...status },
  };
}

/** The Deployment as the webhook would store it. */
export function completed(rollout: Claim, object: Deployment): Deployment {
  if (rollout.spec === undefined) throw new Error('the claim of this test has no spec');
  const input = {
    operation: 'CREATE',
    object,
    rollout: { name: 'web', spec: rollout.spec },
    services: [service],
  } as const;
  return decideAdmission(input).object;
}

/** What is observed when nobody else names the same target. */
export function snapshot(rollout: Claim, object?: Deployment, extra: Partial<Snapshot> = {}): Snapshot {
  return {
    rollout,
    claimants: [rollout],
    ...(object === undefined ? {} : { deployment: object }),
    services: [service],
    nowMs,
    ...extra,
  };
}

/** @throws Error on an adoption */
export function reported(decision: Decision): Assessment {
  if (decision.act !== 'report') throw new Error('an adoption was decided, a report was expected');
  return decision.assessment;
}

/** @throws Error on a report */
export function adoptionOf(decision: Decision): Adoption {
  if (decision.act !== 'adopt')
    throw new Error(`${decision.assessment.situation.kind} was reported, an adoption was expected`);
  return decision.adoption;
}

/** Of each condition that is reported, by its type: `status/reason`. */
export function conditions(rollout: Claim, assessment: Assessment): Record<string, string> {
  const reportedConditions = report(rollout, assessment, nowMs).conditions ?? [];
  return Object.fromEntries(reportedConditions.map(({ type, status, reason }) => [type, `${status}/${reason}`]));
}
