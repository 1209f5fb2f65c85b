import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { Deployment } from '../api/kubernetes.ts';
import { createClient } from './apiClient.ts';
import type { Client, ServerWarning } from './client.ts';
import { loadKubeConfig } from './connection.ts';
import { ApiError } from './errors.ts';
import { type ConfigMap, configMaps, deploymentScale, deployments, namespaces, typed } from './resources.ts';

const { signal } = new AbortController();
const namespace = `client-${Math.random().toString(36).slice(2, 8)}`;
const warnings: ServerWarning[] = [];
let client: Client;

beforeAll(async () => {
  client = createClient({
    connection: await loadKubeConfig({ path: inject('kubeconfig') }, signal),
    userAgent: 'client-test',
    fieldManager: 'client-test',
    onWarning: (warning) => warnings.push(warning),
  });
  await client.create(namespaces, { metadata: { name: namespace } }, { signal });
});
afterAll(async () => {
  await client.delete(namespaces, { name: namespace }, { signal });
  await client.close();
});

const map = (name: string, data: Record<string, string> = {}): ConfigMap => ({ metadata: { namespace, name }, data });

function deployment(name: string): Deployment {
  const labels = { app: name };
  return {
    metadata: { namespace, name },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'app', image: 'registry.invalid/app:1' }] } },
    },
  };
}

async function refused(call: Promise<unknown>): Promise<ApiError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof ApiError) return error;
  throw new Error('the API server was expected to refuse', { cause: error });
}

describe('objects', () => {
  test('create, get, update, delete', async () => {
    const created = await client.create(configMaps, map('a', { k: 'v' }), { signal });
    expect(created).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', data: { k: 'v' } });
    const ref = { namespace, name: 'a' };
    expect(await client.get(configMaps, ref, { signal })).toEqual(created);
    const updated = await client.update(configMaps, { ...created, data: { k: 'w' } }, { signal });
    expect(updated.data).toEqual({ k: 'w' });
    const conflict = await refused(client.update(configMaps, created, { signal }));
    expect(conflict).toMatchObject({ code: 409, conflict: true, alreadyExists: false });
    const wrongUid = await refused(client.delete(configMaps, ref, { signal, preconditions: { uid: 'other' } }));
    expect(wrongUid.conflict).toBe(true);
    await client.delete(configMaps, ref, { signal, preconditions: { uid: created.metadata.uid ?? '' } });
    expect(await client.find(configMaps, ref, { signal })).toBeUndefined();
  });

  test('a second create is told apart from a conflict', async () => {
    await client.create(configMaps, map('twice'), { signal });
    expect(await refused(client.create(configMaps, map('twice'), { signal }))).toMatchObject({
      alreadyExists: true,
      conflict: false,
    });
  });

  test('dry run stores nothing', async () => {
    await client.create(configMaps, map('dry'), { signal, dryRun: true });
    expect(await client.find(configMaps, { namespace, name: 'dry' }, { signal })).toBeUndefined();
  });

  test('a field that the schema does not know is an error by default, a warning where asked', async () => {
    const loose = { ...map('unknown'), dato: { k: 'v' } };
    const error = await refused(client.create(configMaps, loose, { signal }));
    expect(error).toMatchObject({ code: 400, invalid: true });
    expect(error.message).toContain('unknown field "dato"');
    await client.create(configMaps, loose, { signal, fieldValidation: 'Warn' });
    expect(warnings.map((warning) => warning.text)).toContain('unknown field "dato"');
  });

  test('a refusal names every field', async () => {
    const bad = deployment('bad');
    const error = await refused(
      client.create(deployments, { ...bad, spec: { ...bad.spec, replicas: -1, minReadySeconds: -1 } }, { signal }),
    );
    expect(error).toMatchObject({ code: 422, reason: 'Invalid', invalid: true });
    expect(error.causes.map((cause) => cause.field)).toEqual(
      expect.arrayContaining(['spec.replicas', 'spec.minReadySeconds']),
    );
  });
});

describe('patches', () => {
  test('fields that this program does not know survive', async () => {
    const created = await client.create(
      typed<ConfigMap & { immutable: boolean }>(configMaps),
      { ...map('immutable'), immutable: true },
      { signal },
    );
    expect(created.immutable).toBe(true);
    const labelled = await client.patch(
      configMaps,
      { namespace, name: 'immutable' },
      { type: 'merge', body: { metadata: { labels: { x: 'y' } } } },
      { signal },
    );
    expect(labelled).toMatchObject({ immutable: true, metadata: { labels: { x: 'y' } } });
  });

  test('JSON and strategic patches', async () => {
    await client.create(deployments, deployment('patched'), { signal });
    const ref = { namespace, name: 'patched' };
    const json = { type: 'json', body: [{ op: 'replace', path: '/spec/replicas', value: 3 }] } as const;
    expect((await client.patch(deployments, ref, json, { signal })).spec.replicas).toBe(3);
    const containers = [{ name: 'side', image: 'registry.invalid/side:1' }];
    const strategic = { type: 'strategic', body: { spec: { template: { spec: { containers } } } } } as const;
    const merged = await client.patch(deployments, ref, strategic, { signal });
    expect(merged.spec.template.spec.containers.map((container) => container.name)).toEqual(['side', 'app']);
  });

  test('server-side apply: a conflict names the manager, force takes over', async () => {
    const ref = { namespace, name: 'applied' };
    const body = (v: string) => ({ data: { v } });
    await client.patch(configMaps, ref, { type: 'apply', body: body('1') }, { signal, fieldManager: 'one' });
    const second = client.patch(configMaps, ref, { type: 'apply', body: body('2') }, { signal, fieldManager: 'two' });
    const conflict = await refused(second);
    expect(conflict.conflict).toBe(true);
    expect(conflict.causes[0]).toMatchObject({ reason: 'FieldManagerConflict', field: '.data.v' });
    expect(conflict.causes[0]?.message).toContain('"one"');
    const patch = { type: 'apply', body: body('2'), force: true } as const;
    expect((await client.patch(configMaps, ref, patch, { signal, fieldManager: 'two' })).data).toEqual({ v: '2' });
  });
});

describe('subresources', () => {
  test('status is written apart from spec', async () => {
    await client.create(deployments, deployment('status'), { signal });
    const ref = { namespace, name: 'status' };
    const body = { spec: { replicas: 9 }, status: { replicas: 1, observedGeneration: 1 } };
    const options = { signal, subresource: 'status' };
    const written = await client.patch(deployments, ref, { type: 'merge', body }, options);
    expect(written.status).toMatchObject({ replicas: 1, observedGeneration: 1 });
    expect(written.spec.replicas).toBe(1);
  });

  test('scale has a kind of its own', async () => {
    await client.create(deployments, deployment('scaled'), { signal });
    const ref = { namespace, name: 'scaled' };
    const scale = await client.get(deploymentScale, ref, { signal });
    expect(scale).toMatchObject({ kind: 'Scale', apiVersion: 'autoscaling/v1', spec: { replicas: 1 } });
    await client.update(deploymentScale, { ...scale, spec: { replicas: 4 } }, { signal });
    expect((await client.get(deployments, ref, { signal })).spec.replicas).toBe(4);
  });
});

describe('lists and watches', () => {
  test('pages, selectors, metadata only', async () => {
    const labels = { list: 'me' };
    for (let index = 0; index < 7; index++) {
      const { metadata, ...rest } = map(`l${index}`);
      await client.create(configMaps, { metadata: { ...metadata, labels }, ...rest }, { signal });
    }
    const list = await client.list(configMaps, { namespace, labelSelector: 'list=me', limit: 3, signal });
    expect(list.items).toHaveLength(7);
    expect(list.items.every((item) => item.kind === 'ConfigMap' && item.apiVersion === 'v1')).toBe(true);
    const one = await client.list(configMaps, { namespace, fieldSelector: 'metadata.name=l3', signal });
    expect(one.items.map((item) => item.metadata.name)).toEqual(['l3']);
    const slim = await client.list(configMaps, { namespace, labelSelector: 'list=me', metadataOnly: true, signal });
    expect(slim.items).toHaveLength(7);
    expect(slim.items[0]?.metadata.labels).toEqual(labels);
    expect(slim.items[0]).not.toHaveProperty('data');
  });

  test('a watch tells what happens after its version and ends with its time', async () => {
    const { resourceVersion } = await client.list(configMaps, { namespace, signal });
    const watch = await client.watch(configMaps, { namespace, resourceVersion, timeoutSeconds: 1, signal });
    await client.create(configMaps, map('watched'), { signal });
    await client.delete(configMaps, { namespace, name: 'watched' }, { signal });
    const seen: string[] = [];
    for await (const event of watch) seen.push(event.type);
    expect(seen.filter((type) => type !== 'BOOKMARK')).toEqual(['ADDED', 'DELETED']);
  });
});

test('raw calls answer with JSON or with text', async () => {
  expect(await client.raw({ method: 'GET', path: '/readyz', signal })).toBe('ok');
  expect(await client.raw({ method: 'GET', path: '/version', signal })).toMatchObject({ major: '1' });
});

test('a client can act as somebody else', async () => {
  const other = createClient({
    connection: await loadKubeConfig({ path: inject('kubeconfig') }, signal),
    userAgent: 'client-test',
    fieldManager: 'client-test',
    impersonate: { user: 'jane', groups: ['developers', 'system:authenticated'] },
  });
  const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
  const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
  expect(await other.raw({ method: 'POST', path, body: review, signal })).toMatchObject({
    status: { userInfo: { username: 'jane', groups: ['developers', 'system:authenticated'] } },
  });
  expect(await refused(other.list(configMaps, { namespace, signal }))).toMatchObject({ forbidden: true });
  await other.close();
});
