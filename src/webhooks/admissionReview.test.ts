import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AdmissionRequest, allow, allowAs, deny, parseAdmissionReview, reviewBody } from './admissionReview.ts';

const request: AdmissionRequest = {
  uid: 'c0ffee',
  kind: { group: 'apps', version: 'v1', kind: 'Deployment' },
  resource: { group: 'apps', version: 'v1', resource: 'deployments' },
  name: 'web',
  namespace: 'shop',
  operation: 'UPDATE',
  userInfo: { username: 'kim', groups: ['system:authenticated'] },
  object: { spec: { replicas: 1 } },
  oldObject: { spec: { replicas: 2 } },
  dryRun: false,
};
const review = (changes: object = {}, envelope: object = {}): string =>
  JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: { ...request, ...changes },
    ...envelope,
  });

describe('parseAdmissionReview', () => {
  it('returns the request with every field, also those that have no type here', () => {
    expect(parseAdmissionReview(review({ future: [1] }))).toEqual({ ok: true, request: { ...request, future: [1] } });
  });

  it('takes DELETE with a null object, and objects without name or namespace', () => {
    const parsed = parseAdmissionReview(
      review({ operation: 'DELETE', object: null, name: undefined, namespace: undefined }),
    );
    expect(parsed.ok).toBe(true);
  });

  it.each([
    ['', 'not JSON'],
    ['{"secret":"hunter2",', 'not JSON'],
    ['null', 'not a JSON object'],
    ['[]', 'not a JSON object'],
    ['{}', 'kind is not AdmissionReview'],
    [review({}, { kind: 'Pod' }), 'kind is not AdmissionReview'],
    [review({}, { apiVersion: 'admission.k8s.io/v1beta1' }), 'apiVersion is not admission.k8s.io/v1;'],
    [review({}, { request: null }), 'request is missing'],
    [review({ uid: '' }), 'request.uid'],
    [review({ operation: 'PATCH' }), 'request.operation'],
    [review({ kind: 'Deployment' }), 'request.kind'],
    [review({ resource: { group: 'apps' } }), 'request.resource'],
    [review({ userInfo: null }), 'request.userInfo'],
    [review({ name: 1 }), 'request.name'],
    [review({ namespace: {} }), 'request.namespace'],
    [review({ subResource: null }), 'request.subResource'],
    [review({ object: [] }), 'request.object'],
    [review({ oldObject: 'x' }), 'request.oldObject'],
    [review({ options: 1 }), 'request.options'],
    [review({ dryRun: 'yes' }), 'request.dryRun'],
  ])('refuses %s', (body, reason) => {
    const parsed = parseAdmissionReview(body);
    expect(parsed).toMatchObject({ ok: false, reason: expect.stringContaining(reason) as string });
    expect(JSON.stringify(parsed)).not.toContain('hunter2');
  });

  it('throws for no text', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.object().map((object) => review(object)),
        ),
        (body) => {
          expect(typeof parseAdmissionReview(body).ok).toBe('boolean');
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('answers', () => {
  it('allow carries the request’s uid and nothing that is not asked for', () => {
    expect(JSON.parse(reviewBody(allow(request)))).toEqual({
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      response: { uid: 'c0ffee', allowed: true },
    });
  });

  it('allowAs patches the difference, or nothing', () => {
    const answer = allowAs(request, { spec: { replicas: 3 } }, { auditAnnotations: { contract: 'completed' } });
    expect(answer).toMatchObject({
      allowed: true,
      patchType: 'JSONPatch',
      auditAnnotations: { contract: 'completed' },
    });
    expect(JSON.parse(Buffer.from(answer.patch ?? '', 'base64').toString())).toEqual([
      { op: 'replace', path: '/spec/replicas', value: 3 },
    ]);
    expect(allowAs(request, { spec: { replicas: 1 } })).toEqual(allow(request));
  });

  it('deny carries code and reason', () => {
    const status = { code: 404, reason: 'NotFound', message: 'pods "a" not found' };
    expect(deny(request, status, { warnings: ['held'] })).toEqual({
      uid: 'c0ffee',
      allowed: false,
      status,
      warnings: ['held'],
    });
  });
});
