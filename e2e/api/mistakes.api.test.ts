import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { type ApiServer, connect, installCrd, rolloutsPath } from './apiServer.ts';
import { type KubectlResult, kubectl } from './kubectl.ts';

/*
 * What somebody sees who makes a mistake: `kubectl apply` of the manifest as they would have written it is refused, and
 * the message names the field, what is wrong, and what to write instead.
 */

const namespace = 'mistakes';
let api: ApiServer;
beforeAll(async () => {
  api = await connect(inject('kubeconfig'));
  await installCrd(api);
  await api.send('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
});
afterAll(() => api.close());

const program = () => ({ kubectl: inject('kubectl'), kubeconfig: inject('kubeconfig') });
const apply = (manifest: string): Promise<KubectlResult> => {
  return kubectl(program(), ['apply', '-n', namespace, '-f', '-'], manifest);
};

/** The manifest of the README, with one part of `spec` written by somebody else. */
function manifest(spec: string): string {
  return `apiVersion: graceful-rollout.io/v1alpha1\nkind: GracefulRollout\nmetadata:\n  name: shop\nspec:\n  ${spec.replaceAll('\n', '\n  ')}\n`;
}

const target = 'targetRef: {name: shop}\n';
const httpProbe = (rest: string) => `${target}readiness: {probe: {httpGet: {port: 8080}, ${rest}}}`;
const portProbe = (port: string) => `${target}readiness: {probe: {httpGet: {port: ${port}}}}`;

interface Mistake {
  readonly what: string;
  readonly spec: string;
  readonly field: string;
  /** Words of the message: what is wrong, and what to write where the schema says so itself. */
  readonly says: readonly string[];
}

const mistakes: readonly Mistake[] = [
  { what: 'no target', spec: 'mode: Audit', field: 'spec.targetRef', says: ['Required value'] },
  {
    what: 'a target without a name',
    spec: 'targetRef: {kind: Deployment}',
    field: 'spec.targetRef.name',
    says: ['Required value'],
  },
  {
    what: 'an empty name',
    spec: 'targetRef: {name: ""}',
    field: 'spec.targetRef.name',
    says: ['is not the name of a Deployment', 'write metadata.name of the Deployment'],
  },
  {
    what: 'a name in upper case',
    spec: 'targetRef: {name: Shop}',
    field: 'spec.targetRef.name',
    says: ['"Shop"', 'is not the name of a Deployment', 'lower case letters'],
  },
  {
    what: 'a namespace in the name',
    spec: 'targetRef: {name: prod/shop}',
    field: 'spec.targetRef.name',
    says: ['"prod/shop"', 'the namespace is that of this object'],
  },
  {
    what: 'a target in another namespace',
    spec: 'targetRef: {name: shop, namespace: prod}',
    field: 'spec.targetRef.namespace',
    says: ['unknown field'],
  },
  {
    what: 'a StatefulSet',
    spec: 'targetRef: {name: shop, kind: StatefulSet}',
    field: 'spec.targetRef.kind',
    says: ['Unsupported value: "StatefulSet"', 'supported values: "Deployment"'],
  },
  {
    what: 'an old API group',
    spec: 'targetRef: {name: shop, apiVersion: extensions/v1beta1}',
    field: 'spec.targetRef.apiVersion',
    says: ['Unsupported value', 'supported values: "apps/v1"'],
  },
  {
    what: 'the target as a plain text',
    spec: 'targetRef: shop',
    field: 'spec.targetRef',
    says: ['must be of type object'],
  },
  {
    what: 'a misspelt section',
    spec: `${target}terminaton: {drainSeconds: 5}`,
    field: 'spec.terminaton',
    says: ['unknown field'],
  },
  {
    what: 'a misspelt field',
    spec: `${target}termination: {drainSecond: 5}`,
    field: 'spec.termination.drainSecond',
    says: ['unknown field'],
  },
  {
    what: 'a field at the wrong level',
    spec: `${target}preStopSleepSeconds: 5`,
    field: 'spec.preStopSleepSeconds',
    says: ['unknown field'],
  },
  {
    what: 'a duration as a text',
    spec: `${target}termination: {drainSeconds: 25s}`,
    field: 'spec.termination.drainSeconds',
    says: ['must be of type integer: "string"'],
  },
  {
    what: 'a number in quotes',
    spec: `${target}termination: {drainSeconds: "25"}`,
    field: 'spec.termination.drainSeconds',
    says: ['must be of type integer: "string"'],
  },
  {
    what: 'half a second',
    spec: `${target}termination: {preStopSleepSeconds: 0.5}`,
    field: 'spec.termination.preStopSleepSeconds',
    says: ['must be of type integer'],
  },
  {
    what: 'negative seconds',
    spec: `${target}termination: {drainSeconds: -1}`,
    field: 'spec.termination.drainSeconds',
    says: ['Invalid value: -1', 'should be greater than or equal to 0'],
  },
  {
    what: 'milliseconds',
    spec: `${target}termination: {preStopSleepSeconds: 5000}`,
    field: 'spec.termination.preStopSleepSeconds',
    says: ['should be less than or equal to 3600'],
  },
  {
    what: 'a drain of more than a day',
    spec: `${target}termination: {drainSeconds: 100000}`,
    field: 'spec.termination.drainSeconds',
    says: ['should be less than or equal to 86400'],
  },
  {
    what: 'a grace period that is too short',
    spec: `${target}termination: {preStopSleepSeconds: 10, drainSeconds: 20, gracePeriodSeconds: 30}`,
    field: 'spec.termination.gracePeriodSeconds',
    says: [
      'preStopSleepSeconds 10 + drainSeconds 20 + margin 5 = 35, but gracePeriodSeconds is 30',
      'write at least 35',
    ],
  },
  {
    what: 'a grace period that is too short for the defaults',
    spec: `${target}termination: {gracePeriodSeconds: 30}`,
    field: 'spec.termination.gracePeriodSeconds',
    says: [
      'preStopSleepSeconds 5 + drainSeconds 25 + margin 5 = 35',
      'write at least 35, or leave gracePeriodSeconds out',
    ],
  },
  {
    what: 'a grace period of 0',
    spec: `${target}termination: {gracePeriodSeconds: 0}`,
    field: 'spec.termination.gracePeriodSeconds',
    says: ['should be greater than or equal to 1', 'write at least 35'],
  },
  {
    what: 'a strategy that cannot move',
    spec: `${target}strategy: {maxSurge: 0}`,
    field: 'spec.strategy.maxSurge',
    says: ['so is maxUnavailable', 'leave maxSurge out, or write 1 or more'],
  },
  {
    what: 'the same in per cent',
    spec: `${target}strategy: {maxSurge: 0%, maxUnavailable: 0%}`,
    field: 'spec.strategy.maxSurge',
    says: ['a rollout could not replace a single pod', 'write 1 or more'],
  },
  {
    what: 'a count in quotes',
    spec: `${target}strategy: {maxSurge: "1"}`,
    field: 'spec.strategy.maxSurge',
    says: ['is neither a number of pods nor a percentage', 'without quotes'],
  },
  {
    what: 'a fraction',
    spec: `${target}strategy: {maxSurge: 0.25}`,
    field: 'spec.strategy.maxSurge',
    says: ['must be of type', 'integer'],
  },
  {
    what: 'a negative count',
    spec: `${target}strategy: {maxUnavailable: -1}`,
    field: 'spec.strategy.maxUnavailable',
    says: ['is neither a number of pods nor a percentage', 'a whole number from 0'],
  },
  {
    what: 'more than all pods',
    spec: `${target}strategy: {maxUnavailable: 150%}`,
    field: 'spec.strategy.maxUnavailable',
    says: ['from 0% to 100%'],
  },
  {
    what: 'an unknown mode',
    spec: `${target}mode: enforce`,
    field: 'spec.mode',
    says: ['Unsupported value: "enforce"', '"Enforce", "Audit"'],
  },
  {
    what: 'an unknown adoption',
    spec: `${target}adoption: Never`,
    field: 'spec.adoption',
    says: ['Unsupported value: "Never"', '"Immediate", "NextRollout"'],
  },
  {
    what: 'a probe without a handler',
    spec: `${target}readiness: {probe: {periodSeconds: 5}}`,
    field: 'spec.readiness.probe',
    says: ['a probe has exactly one handler', 'give one of exec, httpGet, tcpSocket and grpc'],
  },
  {
    what: 'a probe with two handlers',
    spec: httpProbe('tcpSocket: {port: 8080}'),
    field: 'spec.readiness.probe',
    says: ['a probe has exactly one handler', 'leave the others out'],
  },
  {
    what: 'a liveness probe as readiness probe',
    spec: httpProbe('terminationGracePeriodSeconds: 10'),
    field: 'spec.readiness.probe.terminationGracePeriodSeconds',
    says: [
      'a readiness probe has no terminationGracePeriodSeconds',
      'remove it',
      'spec.termination.gracePeriodSeconds',
    ],
  },
  {
    what: 'a probe without a port',
    spec: `${target}readiness: {probe: {httpGet: {path: /healthz}}}`,
    field: 'spec.readiness.probe.httpGet.port',
    says: ['Required value'],
  },
  {
    what: 'port 0',
    spec: portProbe('0'),
    field: 'spec.readiness.probe.httpGet.port',
    says: ['is not a port', 'a number from 1 to 65535'],
  },
  {
    what: 'port 80800',
    spec: portProbe('80800'),
    field: 'spec.readiness.probe.httpGet.port',
    says: ['is not a port', 'a number from 1 to 65535'],
  },
  {
    what: 'a port in quotes',
    spec: portProbe('"8080"'),
    field: 'spec.readiness.probe.httpGet.port',
    says: ['is not a port', 'with at least one letter'],
  },
  {
    what: 'a port name that is too long',
    spec: portProbe('the-port-of-the-shop'),
    field: 'spec.readiness.probe.httpGet.port',
    says: ['is not a port', 'at most 15 lower case letters'],
  },
  {
    what: 'a scheme in lower case',
    spec: `${target}readiness: {probe: {httpGet: {port: 1, scheme: https}}}`,
    field: 'spec.readiness.probe.httpGet.scheme',
    says: ['Unsupported value: "https"', '"HTTP", "HTTPS"'],
  },
  {
    what: 'a header with a colon',
    spec: `${target}readiness: {probe: {httpGet: {port: 1, httpHeaders: [{name: "Host:", value: a}]}}}`,
    field: 'spec.readiness.probe.httpGet.httpHeaders[0].name',
    says: ['is not the name of an HTTP header', "use letters, digits and '-' only"],
  },
  {
    what: 'headers as a map',
    spec: `${target}readiness: {probe: {httpGet: {port: 1, httpHeaders: {Host: a}}}}`,
    field: 'spec.readiness.probe.httpGet.httpHeaders.Host',
    says: ['unknown field'],
  },
  {
    what: 'a command as a text',
    spec: `${target}readiness: {probe: {exec: {command: cat /tmp/ok}}}`,
    field: 'spec.readiness.probe.exec.command',
    says: ['must be of type array'],
  },
  {
    what: 'an empty command',
    spec: `${target}readiness: {probe: {exec: {command: []}}}`,
    field: 'spec.readiness.probe.exec.command',
    says: ['should have at least 1 items'],
  },
  {
    what: 'a named port for gRPC',
    spec: `${target}readiness: {probe: {grpc: {port: grpc}}}`,
    field: 'spec.readiness.probe.grpc.port',
    says: ['must be of type integer'],
  },
  {
    what: 'a probe that never waits',
    spec: httpProbe('timeoutSeconds: 0'),
    field: 'spec.readiness.probe.timeoutSeconds',
    says: ['should be greater than or equal to 1'],
  },
  {
    what: 'a container name with an underscore',
    spec: `${target}readiness: {container: my_app}`,
    field: 'spec.readiness.container',
    says: ['is not the name of a container', 'lower case letters, digits'],
  },
  {
    what: 'readiness for days',
    spec: `${target}readiness: {minReadySeconds: 86400}`,
    field: 'spec.readiness.minReadySeconds',
    says: ['should be less than or equal to 3600'],
  },
  {
    what: 'a gate that is not asked for by its name',
    spec: `${target}endpointCheck: {mode: Enforce}`,
    field: 'spec.endpointCheck.mode',
    says: ['Unsupported value: "Enforce"', '"Gate", "Observe", "Off"'],
  },
  {
    what: 'YAML that reads Off as false',
    spec: `${target}endpointCheck: {mode: off}`,
    field: 'spec.endpointCheck.mode',
    says: ['must be of type string'],
  },
  {
    what: 'a gate without a moment to check',
    spec: `${target}endpointCheck: {timeoutSeconds: 0}`,
    field: 'spec.endpointCheck.timeoutSeconds',
    says: ['should be greater than or equal to 1'],
  },
  {
    what: 'quiet time as a duration',
    spec: `${target}endpointCheck: {quietSeconds: 5s}`,
    field: 'spec.endpointCheck.quietSeconds',
    says: ['must be of type integer'],
  },
  {
    what: 'quiet time longer than the deadline',
    spec: `${target}endpointCheck: {quietSeconds: 90}`,
    field: 'spec.endpointCheck.timeoutSeconds',
    says: ['quietSeconds + drained.timeoutSeconds = 90, but timeoutSeconds is 60', 'write at least 91'],
  },
  {
    what: 'an application that is asked for longer than the deadline',
    spec: `${target}endpointCheck: {timeoutSeconds: 30, quietSeconds: 5, drained: {httpGet: {path: /drained, port: 80}}}`,
    field: 'spec.endpointCheck.timeoutSeconds',
    says: ['quietSeconds + drained.timeoutSeconds = 35, but timeoutSeconds is 30', 'write at least 36'],
  },
  {
    what: 'an application that is asked nothing',
    spec: `${target}endpointCheck: {drained: {timeoutSeconds: 10}}`,
    field: 'spec.endpointCheck.drained',
    says: ['asks exactly one thing', 'give either httpGet or metric'],
  },
  {
    what: 'an application that is asked two things',
    spec: `${target}endpointCheck: {drained: {httpGet: {path: /, port: 80}, metric: {port: 80, name: open}}}`,
    field: 'spec.endpointCheck.drained',
    says: ['asks exactly one thing', 'leave the other out'],
  },
  {
    what: 'a URL instead of a path',
    spec: `${target}endpointCheck: {drained: {httpGet: {path: "http://shop/drained", port: 80}}}`,
    field: 'spec.endpointCheck.drained.httpGet.path',
    says: ['is not a path', "begin with '/'"],
  },
  {
    what: 'a named port where only a number will do',
    spec: `${target}endpointCheck: {drained: {httpGet: {path: /drained, port: http}}}`,
    field: 'spec.endpointCheck.drained.httpGet.port',
    says: ['must be of type integer'],
  },
  {
    what: 'a metric with labels',
    spec: `${target}endpointCheck: {drained: {metric: {port: 9090, name: 'open{kind="http"}'}}}`,
    field: 'spec.endpointCheck.drained.metric.name',
    says: ['is not the name of a metric', 'without labels'],
  },
  {
    what: 'a metric without a name',
    spec: `${target}endpointCheck: {drained: {metric: {port: 9090}}}`,
    field: 'spec.endpointCheck.drained.metric.name',
    says: ['Required value'],
  },
  {
    what: 'a drained check in the wrong place',
    spec: `${target}drained: {httpGet: {path: /drained, port: 80}}`,
    field: 'spec.drained',
    says: ['unknown field'],
  },
  {
    what: 'a share of pods that stay ready',
    spec: `${target}eviction: {minReady: 50%}`,
    field: 'spec.eviction.minReady',
    says: ['must be of type integer'],
  },
  {
    what: 'an eviction that waits for two days',
    spec: `${target}eviction: {replacementTimeoutSeconds: 172800}`,
    field: 'spec.eviction.replacementTimeoutSeconds',
    says: ['should be less than or equal to 86400'],
  },
  { what: 'no spec', spec: '', field: 'spec', says: ['Required value'] },
];

test('there are at least thirty kinds of mistake', () => {
  expect(new Set(mistakes.map((mistake) => mistake.spec)).size).toBe(mistakes.length);
  expect(mistakes.length).toBeGreaterThanOrEqual(30);
});

test.concurrent.each(mistakes)('$what is refused, with its field and what is wrong', async ({ spec, field, says }) => {
  const { code, stderr } = await apply(manifest(spec));
  expect(code).toBe(1);
  // the decoder names unknown fields in quotes, the validation names all others with a colon
  expect(
    [`"${field}"`, ` ${field}:`].some((named) => stderr.includes(named)),
    stderr,
  ).toBe(true);
  for (const words of says) expect(stderr).toContain(words);
  expect((await api.send('GET', `${rolloutsPath(namespace)}/shop`)).code).toBe(404);
});

test.each([
  [
    'an unknown version',
    manifest(target).replace('v1alpha1', 'v1'),
    'no matches for kind "GracefulRollout" in version "graceful-rollout.io/v1"',
  ],
  ['no name', manifest(target).replace('name: shop', 'labels: {}'), 'resource name may not be empty'],
])('%s is refused', async (_what, text, words) => {
  const { code, stderr } = await apply(text);
  expect(code).toBe(1);
  expect(stderr).toContain(words);
});

test('a mistake in a change leaves what is there as it is', async () => {
  expect((await apply(manifest(target).replace('name: shop', 'name: kept'))).code).toBe(0);
  const { code, stderr } = await apply(manifest(`${target}mode: Off`).replace('name: shop', 'name: kept'));
  expect([code, stderr]).toEqual([1, expect.stringContaining('Unsupported value')]);
  expect((await api.send('GET', `${rolloutsPath(namespace)}/kept`)).body).toMatchObject({ spec: { mode: 'Enforce' } });
});
