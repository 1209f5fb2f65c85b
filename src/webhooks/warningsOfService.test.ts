import { Counter, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import type { Deployment } from '../api/kubernetes.ts';
import { silentLogger } from '../runtime/index.ts';
import { CONTEXT_KINDS, type Context, contextOf } from '../safety/index.ts';
import { beside, type Manifest, ofKind, service, withApp } from '../safety/testing/manifests.ts';
import type { AdmissionRequest } from './admissionReview.ts';
import { warningsWebhook } from './warnings.ts';
import { DEPLOYMENTS_MAX } from './warningsOfService.ts';

/** Serves without a readiness probe: GR101, where a Service selects it. */
const unsafe = withApp({ readinessProbe: undefined });
const waived = (until: string): Manifest => ({
  ...unsafe,
  metadata: {
    namespace: 'shop',
    name: 'web',
    annotations: { 'graceful-rollout.io/waive': `GR101 a test until=${until}` },
  },
});

interface World {
  /** In the caches before the write. */
  readonly objects: readonly Manifest[];
  readonly labels?: Readonly<Record<string, string>>;
  /** Deployments that are not in their cache any more. */
  readonly gone?: readonly string[];
}

function answer({ objects, labels = {}, gone = [] }: World, more: Partial<AdmissionRequest> & { object: Manifest }) {
  const context: Context = contextOf(objects, { namespace: 'shop', complete: CONTEXT_KINDS });
  const find = (name: string) =>
    objects.find(({ kind, metadata }) => kind === 'Deployment' && (metadata as { name: string }).name === name);
  const handle = warningsWebhook({
    view: {
      synced: () => true,
      contextOf: () => context,
      deployment: (_namespace, name) =>
        gone.includes(name) ? undefined : (find(name) as unknown as Deployment | undefined),
      namespaceLabels: () => labels,
    },
    defaults: { warn: { level: 'baseline', version: 'latest' }, audit: { level: 'off', version: 'latest' } },
    exemptUsers: [],
    nowMs: () => Date.UTC(2026, 0, 1),
    decisions: new Counter({ name: 'd', help: 'd', labelNames: ['webhook', 'decision'], registers: [new Registry()] }),
    log: silentLogger,
  });
  return handle({
    uid: 'r1',
    kind: { group: '', version: 'v1', kind: 'Service' },
    resource: { group: '', version: 'v1', resource: 'services' },
    name: 'web',
    namespace: 'shop',
    operation: 'CREATE',
    userInfo: { username: 'alice' },
    oldObject: null,
    ...more,
  });
}
const created = (world: World, object: Manifest) => answer(world, { object });
const updated = (world: World, oldObject: Manifest, object: Manifest) =>
  answer(world, { operation: 'UPDATE', oldObject, object });
const codes = ({ warnings = [] }: { readonly warnings?: readonly string[] }) =>
  warnings.map((line) => line.slice(0, 5));

test('a new Service says what its Deployment loses behind it, and names the Deployment', () => {
  const { allowed, warnings } = created({ objects: [unsafe] }, service());
  expect(allowed).toBe(true);
  expect(warnings).toHaveLength(1);
  expect(warnings?.[0]).toContain('GR101: shop/web: container app');
});

test.each<[string, World, Manifest]>([
  ['selects another workload', { objects: [unsafe] }, service({ selector: { app: 'api' } })],
  ['has no selector', { objects: [unsafe] }, service({ selector: undefined })],
  ['has no endpoints (ExternalName)', { objects: [unsafe] }, service({ type: 'ExternalName' })],
  ['comes after another that said the same', { objects: [unsafe, service({}, 'first')] }, service({}, 'second')],
  ['selects a Deployment that is safe', { objects: [withApp({})] }, service()],
  ['selects one that is gone already', { objects: [unsafe], gone: ['web'] }, service()],
  ['selects a kind that is not cached whole', { objects: [ofKind('StatefulSet', 'apps/v1', unsafe)] }, service()],
  ['selects one with a waiver', { objects: [waived('2026-01-31')] }, service()],
  [
    'selects one in deletion',
    {
      objects: [{ ...unsafe, metadata: { namespace: 'shop', name: 'web', deletionTimestamp: '2026-01-01T00:00:00Z' } }],
    },
    service(),
  ],
  [
    'is of a namespace that wants no warnings',
    { objects: [unsafe], labels: { 'graceful-rollout.io/warn': 'off' } },
    service(),
  ],
])('a Service that %s is silent', (_name, world, object) => {
  expect(created(world, object)).toEqual({ uid: 'r1', allowed: true });
});

test('an update says what it adds, and that alone', () => {
  const objects = [unsafe, service({ selector: { app: 'api' } })];
  expect(codes(updated({ objects }, service({ selector: { app: 'api' } }), service()))).toEqual(['GR101']);
  const known = { objects: [unsafe, service()] };
  expect(updated(known, service(), service())).toEqual({ uid: 'r1', allowed: true });
  expect(updated(known, service(), service({ sessionAffinity: 'ClientIP' })).warnings).toBeUndefined();
  expect(codes(updated(known, service(), service({ ports: [{ port: 80, targetPort: 'grpc' }] })))).toEqual(['GR405']);
});

test('a waiver that has run out holds nothing back', () => {
  expect(codes(created({ objects: [waived('2025-12-31')] }, service()))).toEqual(['GR101']);
});

test('it is never refused, and the audit log has the codes', () => {
  const labels = { 'graceful-rollout.io/enforce': 'strict', 'graceful-rollout.io/audit': 'baseline' };
  const { allowed, auditAnnotations, warnings } = created({ objects: [unsafe], labels }, service());
  expect(allowed).toBe(true);
  expect(warnings).toHaveLength(1);
  expect(auditAnnotations).toEqual({ findings: 'GR101[app]' });
});

test('of many Deployments some are judged, in eight lines', () => {
  const many = Array.from({ length: 30 }, (_, index) => beside(`bad-${index}`, {}, { readinessProbe: undefined }));
  const { warnings = [] } = created({ objects: many }, service());
  expect(warnings).toHaveLength(8);
  expect(warnings.slice(0, 7).every((line) => line.startsWith('GR101'))).toBe(true);
  expect(warnings[7]).toContain(`shop/web: ${DEPLOYMENTS_MAX - 7} more findings; `);
});

test('the worst comes first, whichever Deployment it is of', () => {
  const mild = beside('a-mild', {}, { lifecycle: undefined });
  const labels = { 'graceful-rollout.io/warn': 'strict' };
  const { warnings = [] } = created({ objects: [mild, unsafe], labels }, service());
  expect(warnings[0]).toContain('GR101: shop/web');
  expect(warnings.some((line) => line.includes('shop/a-mild'))).toBe(true);
});
