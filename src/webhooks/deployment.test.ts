import { Counter, Registry } from 'prom-client';
import { describe, expect, test } from 'vitest';
import { type Claim, claimOf } from '../api/claim.ts';
import { ADOPT_ANNOTATION, ADOPT_REQUEST_PREFIX, API_VERSION, CONTRACT_ANNOTATION, KIND } from '../api/index.ts';
import type { Deployment, Service } from '../api/kubernetes.ts';
import { silentLogger } from '../runtime/index.ts';
import type { AdmissionRequest, AdmissionResponse } from './admissionReview.ts';
import { type Contest, Contests } from './contests.ts';
import { deploymentWebhook } from './deployment.ts';

const claim = claimOf({
  apiVersion: API_VERSION,
  kind: KIND,
  metadata: { name: 'web', namespace: 'shop', uid: 'gr', creationTimestamp: '2026-01-01T00:00:00Z' },
  spec: { targetRef: { name: 'web' } },
});

const service: Service = {
  metadata: { name: 'web', namespace: 'shop' },
  spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] },
};

function deployment(graceSeconds = 30, annotations?: Record<string, string>): Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'shop', ...(annotations === undefined ? {} : { annotations }) },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: 'web' } },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: {
          containers: [{ name: 'app', image: 'app:1', ports: [{ containerPort: 8080 }] }],
          terminationGracePeriodSeconds: graceSeconds,
        },
      },
    },
  };
}

function request(object: unknown, more: Partial<AdmissionRequest> = {}): AdmissionRequest {
  return {
    uid: 'r1',
    kind: { group: 'apps', version: 'v1', kind: 'Deployment' },
    resource: { group: 'apps', version: 'v1', resource: 'deployments' },
    name: 'web',
    namespace: 'shop',
    operation: 'CREATE',
    userInfo: { username: 'alice' },
    object: object as Record<string, unknown>,
    oldObject: null,
    ...more,
  };
}

function webhook(options: { readonly claims?: readonly Claim[]; readonly synced?: boolean } = {}) {
  const registers = [new Registry()];
  const contests = new Contests();
  const heard: Contest[] = [];
  const decisions = new Counter({ name: 'd', help: 'd', labelNames: ['webhook', 'decision'] as const, registers });
  const handle = deploymentWebhook({
    view: {
      synced: () => options.synced ?? true,
      claimsOf: (namespace, name) => (namespace === 'shop' && name === 'web' ? (options.claims ?? [claim]) : []),
      servicesIn: () => [service],
    },
    note: (reassertion) => contests.note(reassertion, 1000),
    onContest: (_claim, contest) => heard.push(contest),
    decisions,
    contested: new Counter({ name: 'c', help: 'c', labelNames: ['namespace', 'deployment'] as const, registers }),
    log: silentLogger,
  });
  return { handle, heard, decisions };
}

const patchOf = (response: AdmissionResponse): readonly { op: string; path: string; value?: unknown }[] =>
  response.patch === undefined ? [] : JSON.parse(Buffer.from(response.patch, 'base64').toString('utf8'));

describe('what is not looked at is admitted as it is', () => {
  test.each([
    [
      'another resource',
      request(deployment(), { resource: { group: 'apps', version: 'v1', resource: 'statefulsets' } }),
    ],
    ['a subresource', request(deployment(), { subResource: 'status' })],
    ['a deletion', request(null, { operation: 'DELETE' })],
    ['an object without a template', request({ metadata: { name: 'web' } })],
    ['a Deployment that nobody names', request(deployment(), { name: 'other' })],
    ['a Deployment with generateName', request(deployment(), { name: '' })],
    ['a Deployment in deletion', request({ ...deployment(), metadata: { name: 'web', deletionTimestamp: 'now' } })],
  ])('%s', (_name, asked) => {
    expect(webhook().handle(asked)).toEqual({ uid: 'r1', allowed: true });
  });

  test('everything, until the caches are there', () => {
    expect(webhook({ synced: false }).handle(request(deployment()))).toEqual({ uid: 'r1', allowed: true });
  });
});

test('a target is completed, with the record in the same patch', () => {
  const patch = patchOf(webhook().handle(request(deployment())));
  expect(patch.map(({ path }) => path)).toContain('/spec/template/spec/terminationGracePeriodSeconds');
  expect(JSON.stringify(patch)).toContain(CONTRACT_ANNOTATION);
});

test('a touch is answered: what the controller asked with is taken away', () => {
  const asked = deployment(30, { [ADOPT_ANNOTATION]: `${ADOPT_REQUEST_PREFIX}abc.5` });
  const response = webhook().handle(request(asked, { operation: 'UPDATE', oldObject: deployment() as never }));
  const patch = JSON.stringify(patchOf(response));
  // Answered with the contract of this replica: the controller compares it with its own.
  expect(patch).toMatch(/"[0-9a-f]{16}\.5"/);
  expect(patch).not.toContain('abc');
  expect(patch).not.toContain(ADOPT_REQUEST_PREFIX);
});

test('a touch that no known GracefulRollout answers stays as it was asked', () => {
  const asked = deployment(30, { [ADOPT_ANNOTATION]: `${ADOPT_REQUEST_PREFIX}abc.5` });
  const { handle } = webhook({ claims: [] });
  expect(handle(request(asked, { operation: 'UPDATE', oldObject: deployment() as never })).patch).toBeUndefined();
});

test('a GracefulRollout that cannot be read is no wish to have things given back', () => {
  const unreadable = claimOf({
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: { name: 'web', namespace: 'shop', uid: 'gr' },
    spec: { targetRef: { name: 'web' }, mode: 'OfAnotherVersion' },
  });
  expect(unreadable.spec).toBeUndefined();
  const record = JSON.stringify([{ path: 'spec.template.spec.terminationGracePeriodSeconds', from: '30', to: '35' }]);
  const stored = deployment(35, { [CONTRACT_ANNOTATION]: record });
  const changed = { ...stored, spec: { ...stored.spec, minReadySeconds: 1, paused: true } };
  const { handle } = webhook({ claims: [unreadable] });
  expect(handle(request(changed, { operation: 'UPDATE', oldObject: stored as never }))).toEqual({
    uid: 'r1',
    allowed: true,
  });
});

test('a writer that insists is heard of from the third write on, and not for a dry run', () => {
  const record = JSON.stringify([{ path: 'spec.template.spec.terminationGracePeriodSeconds', from: '30', to: '35' }]);
  const stored = deployment(35, { [CONTRACT_ANNOTATION]: record });
  const lowered = deployment(30, { [CONTRACT_ANNOTATION]: record });
  const { handle, heard } = webhook();
  const write = (dryRun: boolean) =>
    handle(request(lowered, { operation: 'UPDATE', oldObject: stored as never, dryRun }));
  for (let n = 0; n < 5; n += 1) write(true);
  expect(heard).toEqual([]);
  write(false);
  write(false);
  expect(heard).toEqual([]);
  write(false);
  expect(heard).toMatchObject([
    { field: 'spec.template.spec.terminationGracePeriodSeconds', writer: 'alice', times: 3 },
  ]);
});
