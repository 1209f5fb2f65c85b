import * as fc from 'fast-check';
import type { GracefulRolloutSpec } from '../../api/index.ts';
import type {
  Container,
  Deployment,
  DeploymentStrategy,
  IntOrString,
  LifecycleHandler,
  Probe,
  Service,
} from '../../api/kubernetes.ts';
import { defaulted, refusals } from './apiServerRules.ts';
import { container, manifest, rolloutSpec, service } from './manifests.ts';

const optional = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(of, { nil: undefined });

/** An object without the members that are undefined, as JSON has it. */
function present<T extends object>(members: object): Partial<T> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Partial<T>;
}

export const share: fc.Arbitrary<IntOrString> = fc.oneof(
  fc.nat(8),
  fc.constantFrom('0%', '1%', '10%', '25%', '50%', '100%'),
);

const hook: fc.Arbitrary<LifecycleHandler> = fc.oneof(
  fc.constantFrom(0, 1, 4, 5, 6, 20).map((seconds) => ({ sleep: { seconds } })),
  fc
    .constantFrom(
      ['sleep', '3'],
      ['sh', '-c', 'sleep 20; nginx -s quit'],
      ['sleep', 'infinity'],
      ['/stop'],
      ['sleep', '9.5'],
    )
    .map((command) => ({ exec: { command } })),
  fc.constant({ httpGet: { port: 8080, path: '/quit' } }),
);

const probe: fc.Arbitrary<Probe> = fc.oneof(
  fc.constant({ tcpSocket: { port: 8080 } }),
  fc.nat(60).map((initialDelaySeconds) => ({ httpGet: { port: 'http', path: '/ready' }, initialDelaySeconds })),
  fc.constant({ grpc: { port: 9000 } }),
  fc.constant({ exec: { command: ['true'] }, periodSeconds: 3 }),
);

const ports = fc.subarray([
  { name: 'http', containerPort: 8080 },
  { containerPort: 9090 },
  { name: 'dns', containerPort: 5353, protocol: 'UDP' },
]);

const lifecycle: fc.Arbitrary<NonNullable<Container['lifecycle']>> = fc
  .record({ preStop: optional(hook), postStart: optional(fc.constant({ exec: { command: ['true'] } })) })
  .map((members) => present<NonNullable<Container['lifecycle']>>(members));

function containers(names: readonly string[], sidecar: boolean): fc.Arbitrary<Container[]> {
  return fc
    .subarray([...names], { minLength: sidecar ? 0 : 1 })
    .chain((chosen) =>
      fc.tuple(
        ...chosen.map((name) =>
          fc
            .record({ ports: optional(ports), lifecycle: optional(lifecycle), readinessProbe: optional(probe) })
            .map((members) =>
              container(name, { ...present<Container>(members), ...(sidecar ? { restartPolicy: 'Always' } : {}) }),
            ),
        ),
      ),
    );
}

const strategy: fc.Arbitrary<DeploymentStrategy> = fc.oneof(
  fc.constant<DeploymentStrategy>({ type: 'Recreate' }),
  fc.record({ maxUnavailable: optional(share), maxSurge: optional(share) }).map(
    (members): DeploymentStrategy => ({
      type: 'RollingUpdate',
      rollingUpdate: present<NonNullable<DeploymentStrategy['rollingUpdate']>>(members),
    }),
  ),
);

/** A Deployment that the API server accepts as its author wrote it. */
export const deployments: fc.Arbitrary<Deployment> = fc
  .record({
    containers: containers(['app', 'proxy', 'logs'], false),
    initContainers: optional(containers(['mesh', 'agent'], true)),
    graceSeconds: optional(fc.constantFrom(0, 1, 20, 30, 35, 60, 600)),
    windows: fc.integer({ min: 0, max: 20 }).map((n) => n === 0),
    strategy: optional(strategy),
    replicas: fc.nat(20),
    minReadySeconds: optional(fc.nat(30)),
    progressDeadlineSeconds: optional(fc.constantFrom(31, 60, 1_200)),
  })
  .map(({ containers, initContainers, graceSeconds, windows, ...spec }) =>
    manifest({
      pod: {
        containers,
        ...(initContainers === undefined || initContainers.length === 0 ? {} : { initContainers }),
        ...(graceSeconds === undefined ? {} : { terminationGracePeriodSeconds: graceSeconds }),
        ...(windows ? { os: { name: 'windows' } } : {}),
      },
      spec: present<Deployment['spec']>(spec),
    }),
  )
  .filter((deployment) => refusals(defaulted(deployment)).length === 0);

export const services: fc.Arbitrary<Service[]> = fc.array(
  fc
    .record({
      targetPort: fc.constantFrom(8080, 9090, 7070, 'http', 'none', 5353),
      protocol: fc.constantFrom('TCP', 'UDP'),
    })
    .map((port) => service({ ports: [{ port: 80, ...port }] })),
  { maxLength: 2 },
);

export const specs: fc.Arbitrary<GracefulRolloutSpec> = fc
  .record({
    probe: optional(
      fc.constantFrom<GracefulRolloutSpec['readiness']['probe']>(
        { httpGet: { port: 8080 }, initialDelaySeconds: 0 },
        { httpGet: { port: 'http', path: '', host: '', httpHeaders: [] }, periodSeconds: 2 },
        { grpc: { port: 9000 } },
        { tcpSocket: { port: 8080, host: '' } },
        { exec: { command: ['ready'] } },
      ),
    ),
    container: optional(fc.constantFrom('app', 'proxy', 'mesh', 'gone')),
    minReadySeconds: optional(fc.constantFrom(0, 10, 45, 700)),
    preStopSleepSeconds: fc.constantFrom(0, 3, 5, 15),
    drainSeconds: fc.constantFrom(0, 25, 50),
    extraSeconds: optional(fc.constantFrom(0, 40)),
    maxUnavailable: share,
    maxSurge: optional(share),
  })
  .map(
    ({
      probe,
      container,
      minReadySeconds,
      preStopSleepSeconds,
      drainSeconds,
      extraSeconds,
      maxUnavailable,
      maxSurge,
    }) =>
      rolloutSpec({
        readiness: present<GracefulRolloutSpec['readiness']>({ probe, container, minReadySeconds }),
        termination: {
          preStopSleepSeconds,
          drainSeconds,
          ...(extraSeconds === undefined
            ? {}
            : { gracePeriodSeconds: preStopSleepSeconds + drainSeconds + 5 + extraSeconds }),
        },
        strategy: { maxUnavailable, ...(maxSurge === undefined ? {} : { maxSurge }) },
      }),
  );
