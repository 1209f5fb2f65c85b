import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createClient } from './apiClient.ts';
import { inCluster, loadKubeConfig } from './connection.ts';
import { RotatingCredentials } from './credentials.ts';
import { mergeKubeConfigs, parseKubeConfig, selectContext } from './kubeConfigFile.ts';
import { configMaps } from './resources.ts';
import { FakeApiServer } from './testing/fakeApiServer.ts';

const { signal } = new AbortController();
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kubeconfig-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

const base64 = (text: string): string => Buffer.from(text).toString('base64');

const TWO_CLUSTERS = `
apiVersion: v1
kind: Config
current-context: one
clusters:
- name: first
  cluster: { server: "https://first:6443/", certificate-authority-data: ${base64('CA')} }
- name: second
  cluster: { server: "https://second/prefix", insecure-skip-tls-verify: true, tls-server-name: other, proxy-url: "http://proxy:3128" }
users:
- name: certificate
  user: { client-certificate: pki/client.crt, client-key: /abs/client.key }
- name: token
  user: { token: secret, as: jane, as-groups: [a, b] }
contexts:
- name: one
  context: { cluster: first, user: certificate, namespace: here }
- name: two
  context: { cluster: second, user: token }
- name: broken
  context: { cluster: nowhere, user: token }
`;

describe('a kubeconfig file', () => {
  const config = parseKubeConfig(TWO_CLUSTERS, '/home/me/.kube', 'config');

  test('its current context, with paths relative to the file', () => {
    expect(selectContext(config, undefined, 'config')).toEqual({
      name: 'one',
      cluster: { server: 'https://first:6443', ca: 'CA' },
      user: { certFile: '/home/me/.kube/pki/client.crt', keyFile: '/abs/client.key' },
      namespace: 'here',
    });
  });

  test('another context by name', () => {
    expect(selectContext(config, 'two', 'config')).toMatchObject({
      cluster: { server: 'https://second/prefix', insecure: true, serverName: 'other', proxyUrl: 'http://proxy:3128' },
      user: { token: 'secret', impersonate: { user: 'jane', groups: ['a', 'b'] } },
      namespace: undefined,
    });
  });

  test.each([
    ['an unknown context', TWO_CLUSTERS, 'three', 'config: no context "three"; there are: one, two, broken'],
    ['an unknown cluster', TWO_CLUSTERS, 'broken', 'names the unknown cluster "nowhere"'],
    ['no current context', 'contexts: []', undefined, 'config: no current-context; set one of: none'],
    ['a list for a file', '[]', undefined, 'config: not a mapping'],
    ['no server', 'clusters: [{name: x, cluster: {}}]', undefined, 'config: clusters[0] (x): server is missing'],
    ['a server that is no URL', 'clusters: [{name: x, cluster: {server: "%"}}]', undefined, 'server "%" is not a URL'],
    ['a number for a token', 'users: [{name: x, user: {token: 1}}]', undefined, 'users[0] (x): token is not a string'],
    [
      'a SOCKS proxy',
      'clusters: [{name: x, cluster: {server: "https://x", proxy-url: "socks5://y"}}]',
      undefined,
      'only http and https proxies',
    ],
  ])('%s is refused with the place', (_title, text, context, message) => {
    expect(() => selectContext(parseKubeConfig(text, '/', 'config'), context, 'config')).toThrow(message);
  });

  test('of several files the first to name something wins', () => {
    const other = parseKubeConfig(
      'current-context: two\nclusters: [{name: first, cluster: {server: "https://other"}}, {name: third, cluster: {server: "https://third"}}]',
      '/',
      'other',
    );
    const merged = mergeKubeConfigs([config, other]);
    expect(merged.currentContext).toBe('one');
    expect(merged.clusters.get('first')?.server).toBe('https://first:6443');
    expect(merged.clusters.get('third')?.server).toBe('https://third');
  });

  test('a file that is not there is named', async () => {
    await expect(loadKubeConfig({ path: join(directory, 'none') }, signal)).rejects.toThrow(join(directory, 'none'));
  });
});

describe('credentials in files', () => {
  test('are read again after ten seconds, or at once when refused', async () => {
    let nowMs = 0;
    const tokenFile = join(directory, 'token');
    await writeFile(tokenFile, 'one\n');
    const credentials = new RotatingCredentials({ tokenFile }, () => nowMs);
    const token = async (refresh = false): Promise<unknown> =>
      (await credentials.read({ refresh, signal })).headers['authorization'];
    expect(await token()).toBe('Bearer one');
    await writeFile(tokenFile, 'two\n');
    nowMs = 9_999;
    expect(await token()).toBe('Bearer one');
    nowMs = 10_000;
    expect(await token()).toBe('Bearer two');
    await writeFile(tokenFile, 'three\n');
    expect(await token(true)).toBe('Bearer three');
  });

  test('a file that is gone for a moment leaves the last token in use; a refused one is reported', async () => {
    let nowMs = 0;
    const tokenFile = join(directory, 'token');
    await writeFile(tokenFile, 'one');
    const credentials = new RotatingCredentials({ tokenFile }, () => nowMs);
    await credentials.read({ refresh: false, signal });
    await rm(tokenFile);
    nowMs = 20_000;
    expect((await credentials.read({ refresh: false, signal })).headers['authorization']).toBe('Bearer one');
    await expect(credentials.read({ refresh: true, signal })).rejects.toThrow(tokenFile);
  });

  test('the first read reports what is missing', async () => {
    const credentials = new RotatingCredentials({ caFile: join(directory, 'ca.crt') });
    await expect(credentials.read({ refresh: false, signal })).rejects.toThrow('ca.crt');
  });
});

describe('in a pod', () => {
  test('a service account that rotates by symlink swap, as the kubelet does it', async () => {
    const server = await FakeApiServer.start();
    const { hostname, port } = new URL(server.url);
    for (const [version, token] of [
      ['..1', 'one'],
      ['..2', 'two'],
    ] as const) {
      await mkdir(join(directory, version));
      await writeFile(join(directory, version, 'token'), token);
      await writeFile(join(directory, version, 'ca.crt'), server.ca);
      await writeFile(join(directory, version, 'namespace'), 'operators');
    }
    await symlink('..1', join(directory, '..data'));
    for (const file of ['token', 'ca.crt', 'namespace']) await symlink(`..data/${file}`, join(directory, file));
    const environment = { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port };
    const connection = await inCluster(directory, environment, signal);
    expect(connection).toMatchObject({ server: server.url, namespace: 'operators' });
    const client = createClient({ connection, userAgent: 'test/1', fieldManager: 'tester' });
    await client.list(configMaps, { signal });
    await rm(join(directory, '..data'));
    await symlink('..2', join(directory, '..data'));
    server.failNext('any', { kind: 'status', code: 401, reason: 'Unauthorized' });
    await client.list(configMaps, { signal });
    expect(server.requests.map((request) => request.headers.authorization)).toEqual([
      'Bearer one',
      'Bearer one',
      'Bearer two',
    ]);
    await client.close();
    await server.close();
  });

  test('an IPv6 address is bracketed; without the variables it is said so', async () => {
    await writeFile(join(directory, 'namespace'), 'x');
    const connection = await inCluster(directory, { KUBERNETES_SERVICE_HOST: 'fd00::1' }, signal);
    expect(connection.server).toBe('https://[fd00::1]:443');
    await expect(inCluster(directory, {}, signal)).rejects.toThrow('KUBERNETES_SERVICE_HOST');
  });
});

test('an exec plugin is asked through client-node, again when its token is refused', async () => {
  const server = await FakeApiServer.start();
  const counter = join(directory, 'count');
  await writeFile(counter, '0');
  const script = `
    const fs = require('node:fs');
    const count = Number(fs.readFileSync(${JSON.stringify(counter)}, 'utf8')) + 1;
    fs.writeFileSync(${JSON.stringify(counter)}, String(count));
    console.log(JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status: { token: 'token-' + count } }));`;
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'c',
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    clusters: [{ name: 'c', cluster: { server: server.url, 'certificate-authority-data': base64(server.ca) } }],
    users: [
      {
        name: 'u',
        user: {
          exec: {
            apiVersion: 'client.authentication.k8s.io/v1',
            command: process.execPath,
            args: ['-e', script],
            interactiveMode: 'Never',
          },
        },
      },
    ],
  };
  const path = join(directory, 'config');
  // JSON is YAML.
  await writeFile(path, JSON.stringify(config));
  const connection = await loadKubeConfig({ path }, signal);
  const client = createClient({ connection, userAgent: 'test/1', fieldManager: 'tester' });
  await client.list(configMaps, { signal });
  await client.list(configMaps, { signal });
  server.failNext('any', { kind: 'status', code: 401, reason: 'Unauthorized' });
  await client.list(configMaps, { signal });
  expect(server.requests.map((request) => request.headers.authorization)).toEqual([
    'Bearer token-1',
    'Bearer token-1',
    'Bearer token-1',
    'Bearer token-2',
  ]);
  await client.close();
  await server.close();
});

test('a client certificate is presented', async () => {
  const server = await FakeApiServer.start({ clientCertificates: true });
  const { cert, key } = server.clientCertificate;
  await writeFile(join(directory, 'client.crt'), cert);
  await writeFile(join(directory, 'client.key'), key);
  await writeFile(join(directory, 'ca.crt'), server.ca);
  const files = { cert: 'client.crt', key: 'client.key' };
  const user = `{client-certificate: ${files.cert}, client-key: ${files.key}}`;
  await writeFile(
    join(directory, 'config'),
    `current-context: c
clusters: [{name: c, cluster: {server: "${server.url}", certificate-authority: ca.crt}}]
users: [{name: u, user: ${user}}]
contexts: [{name: c, context: {cluster: c, user: u}}]`,
  );
  const connection = await loadKubeConfig({ path: join(directory, 'config') }, signal);
  const client = createClient({ connection, userAgent: 'test/1', fieldManager: 'tester' });
  await client.list(configMaps, { signal });
  const anonymous = createClient({ connection: server.connection(), userAgent: 'test/1', fieldManager: 'tester' });
  await expect(anonymous.list(configMaps, { signal })).rejects.toMatchObject({ failure: 'connection' });
  await anonymous.close();
  await client.close();
  await server.close();
});
