import { describe, expect, it } from 'vitest';
import type { GracefulRolloutSpec } from '../api/index.ts';
import type { Container, Deployment, LifecycleHandler, Service } from '../api/kubernetes.ts';
import { resolveContract } from './resolve.ts';
import { container, manifest, rolloutSpec, service } from './testing/manifests.ts';

function resolve(
  containers: Container[],
  services: Service[],
  change: { spec?: GracefulRolloutSpec; init?: Container[] } = {},
) {
  const pod = { containers, ...(change.init === undefined ? {} : { initContainers: change.init }) };
  return resolveContract({ spec: change.spec ?? rolloutSpec(), deployment: manifest({ pod }), services });
}

const codes = (of: ReturnType<typeof resolve>): string[] => of.findings.map(({ code }) => code);
const sleepers = (of: ReturnType<typeof resolve>): string[] =>
  of.contract.containers.filter(({ preStopSleepSeconds }) => preStopSleepSeconds !== undefined).map(({ name }) => name);
const probed = (name: string, change: Partial<Container> = {}): Container =>
  container(name, { readinessProbe: { tcpSocket: { port: 8080 } }, ...change });
const port = (containerPort: number, name?: string, protocol?: string) => ({
  containerPort,
  ...(name === undefined ? {} : { name }),
  ...(protocol === undefined ? {} : { protocol }),
});

describe('serving containers', () => {
  const app = probed('app', { ports: [port(8080, 'http')] });
  const logs = container('logs');

  it.each<[string, Service, readonly string[]]>([
    ['a number', service(), ['app']],
    ['a name', service({ ports: [{ port: 80, targetPort: 'http' }] }), ['app']],
    ['no targetPort: the port itself', service({ ports: [{ port: 8080 }] }), ['app']],
    ['the other protocol', service({ ports: [{ port: 80, targetPort: 'http', protocol: 'UDP' }] }), []],
    ['a name that nobody has', service({ ports: [{ port: 80, targetPort: 'grpc' }] }), []],
    ['a headless Service without ports', service({ clusterIP: 'None', ports: [] }), ['logs']],
    ['a selector that asks for more', service({ selector: { app: 'web', tier: 'front' } }), []],
    ['no selector', service({ selector: {} }), []],
    ['ExternalName', service({ type: 'ExternalName' }), []],
    ['another namespace', { ...service(), metadata: { name: 'web', namespace: 'other' } }, []],
  ])('%s', (_case, of, expected) => {
    expect(resolve([app, logs], [of]).servingContainers).toEqual(expected);
  });

  it('are all of those that own a port of any Service', () => {
    const admin = probed('admin', { ports: [port(9090, 'admin')] });
    const second = service({ ports: [{ port: 90, targetPort: 'admin' }] }, 'admin');
    expect(resolve([app, admin, logs], [service(), second]).servingContainers).toEqual(['app', 'admin']);
  });

  it('tell the same number of two protocols apart', () => {
    const udp = probed('dns', { ports: [port(5353, undefined, 'UDP')] });
    const tcp = probed('http', { ports: [port(5353)] });
    const of = service({ ports: [{ port: 53, targetPort: 5353, protocol: 'UDP' }] });
    expect(resolve([udp, tcp], [of]).servingContainers).toEqual(['dns']);
  });

  it('take a name from regular containers first, and then from native sidecars', () => {
    const mesh = probed('mesh', { ports: [port(15_000, 'http')], restartPolicy: 'Always' });
    const of = service({ ports: [{ port: 80, targetPort: 'http' }] });
    expect(resolve([app], [of], { init: [mesh] }).servingContainers).toEqual(['app']);
    expect(resolve([logs], [of], { init: [mesh] }).servingContainers).toEqual(['mesh']);
    const setUp = container('set-up', { ports: [port(15_000, 'http')] });
    expect(resolve([logs], [of], { init: [setUp] }).servingContainers).toEqual([]);
  });

  it.each<[string, Container[], string | undefined, readonly string[], string]>([
    ['the only container', [container('app', { ports: [port(1)] })], undefined, ['app'], 'info'],
    ['the one that the spec names', [container('app'), container('b')], 'b', ['b'], 'info'],
    [
      'the one that declares no port',
      [container('app'), container('b', { ports: [port(1)] })],
      undefined,
      ['app'],
      'info',
    ],
    [
      'all, when each declares others',
      [container('a', { ports: [port(1)] }), container('b', { ports: [port(2)] })],
      undefined,
      ['a', 'b'],
      'warning',
    ],
  ])('a port that nobody declares: %s', (_case, containers, wanted, expected, severity) => {
    const spec = rolloutSpec({ readiness: wanted === undefined ? {} : { container: wanted } });
    const resolution = resolve(containers, [service()], { spec });
    expect(resolution.servingContainers).toEqual(expected);
    expect(resolution.findings).toContainEqual(expect.objectContaining({ code: 'PortNotDeclared', severity }));
  });
});

describe('many Services, ports and containers', () => {
  const services = Array.from({ length: 20 }, (_, i) =>
    service({ ports: Array.from({ length: 20 }, (_port, j) => ({ port: 1_000 + 20 * i + j })) }, `s${i}`),
  );

  it('are looked up once: the work does not multiply', () => {
    let reads = 0;
    const counted = (name: string): Container =>
      Object.defineProperty(container(name), 'ports', {
        enumerable: true,
        get: () => {
          reads += 1;
          return [port(1)];
        },
      });
    const containers = Array.from({ length: 50 }, (_, i) => counted(`c${i}`));
    const deployment = manifest({ pod: { containers } });
    const readsOf = (of: Service[]): number => {
      reads = 0;
      resolveContract({ spec: rolloutSpec(), deployment, services: of });
      return reads;
    };
    const one = readsOf(services.slice(0, 1));
    expect(one).toBeGreaterThan(0);
    expect(readsOf(services)).toBe(one);
  });

  it('make ten findings of a code and ten names in each, and a count of the rest', () => {
    const containers = Array.from({ length: 12 }, (_, i) => container(`c${i}`, { ports: [port(1)] }));
    const { findings } = resolve(containers, services);
    const undeclared = findings.filter(({ code }) => code === 'PortNotDeclared');
    expect(undeclared).toHaveLength(10);
    expect(undeclared[0]?.message).toBe(
      'Service s0 sends to port 1000, which no container declares; taken to serve: c0, c1, c2, c3, c4, c5, c6, c7, c8, c9 and 2 more',
    );
    expect(undeclared[8]?.message).not.toContain('like this');
    expect(undeclared[9]?.message).toMatch(/; and 390 more like this$/);
    const unprobed = findings.filter(({ code }) => code === 'ReadinessProbeMissing');
    expect([unprobed.length, unprobed[9]?.message.endsWith('; and 2 more like this')]).toEqual([10, true]);
  });
});

describe('the sleep', () => {
  const app = probed('app', { ports: [port(8080)] });

  it('goes to every regular container, since one without a hook would end first', () => {
    expect(sleepers(resolve([app, container('proxy')], [service()]))).toEqual(['app', 'proxy']);
  });

  it('leaves native sidecars alone unless they serve', () => {
    const mesh = container('mesh', { restartPolicy: 'Always' });
    expect(sleepers(resolve([app], [service()], { init: [mesh] }))).toEqual(['app']);
    const serving = probed('mesh', { restartPolicy: 'Always', ports: [port(15_000)] });
    const of = service({ ports: [{ port: 80, targetPort: 15_000 }] });
    const { contract } = resolve([container('app')], [of], { init: [serving] });
    expect(contract.containers).toEqual([
      { name: 'app', preStopSleepSeconds: 5 },
      { name: 'mesh', init: true, preStopSleepSeconds: 5 },
    ]);
  });

  it('is not added when it is 0, nor where there is a hook', () => {
    const zero = rolloutSpec({ termination: { preStopSleepSeconds: 0 } });
    expect(resolve([app], [service()], { spec: zero }).contract).toMatchObject({
      gracePeriodSeconds: 30,
      containers: [],
    });
    const hooked = { ...app, lifecycle: { preStop: { sleep: { seconds: 9 } } } };
    expect(sleepers(resolve([hooked], [service()]))).toEqual([]);
  });
});

describe("the grace period, and what is said of an author's own hook", () => {
  it.each<[LifecycleHandler, number, string[]]>([
    [{ sleep: { seconds: 5 } }, 35, []],
    [{ sleep: { seconds: 20 } }, 50, []],
    [{ sleep: { seconds: 3 } }, 33, ['HookTooShort']],
    [{ exec: { command: ['sleep', '9.5'] } }, 40, []],
    [{ exec: { command: ['sh', '-c', 'sleep 3; /stop'] } }, 33, ['HookUnknown']],
    [{ exec: { command: ['sh', '-c', 'sleep 8; /stop'] } }, 38, []],
    [{ exec: { command: ['/stop'] } }, 35, ['HookUnknown']],
    [{ httpGet: { port: 8080 } }, 35, ['HookUnknown']],
    [{ exec: { command: ['sleep', 'infinity'] } }, 35, ['HookNeverEnds']],
    [{ exec: { command: ['sleep', '99999999999999999999'] } }, 35, ['HookNeverEnds']],
  ])('%j: %d s, %j', (preStop, graceSeconds, expected) => {
    const resolution = resolve([probed('app', { ports: [port(8080)], lifecycle: { preStop } })], [service()]);
    expect(resolution.contract.gracePeriodSeconds).toBe(graceSeconds);
    expect(codes(resolution)).toEqual(expected);
  });

  it('allows for the longest hook of any container, sidecars included', () => {
    const slow = { lifecycle: { preStop: { sleep: { seconds: 40 } } } };
    const mesh = container('mesh', { restartPolicy: 'Always', ...slow });
    const { contract, graceArithmetic } = resolve([probed('app', { ports: [port(8080)] })], [service()], {
      init: [mesh],
    });
    expect(contract.gracePeriodSeconds).toBe(70);
    expect(graceArithmetic).toBe('preStop 40 s + drain 25 s + margin 5 s');
  });

  it('follows the spec when that asks for more', () => {
    const spec = rolloutSpec({ termination: { gracePeriodSeconds: 90 } });
    const { contract, graceArithmetic } = resolve([probed('app')], [service()], { spec });
    expect([contract.gracePeriodSeconds, graceArithmetic]).toEqual([90, 'gracePeriodSeconds 90 s']);
  });
});

describe('the probe', () => {
  const probe = { httpGet: { port: 'http' } };
  const app = container('app', { ports: [port(8080, 'http')] });
  const both = [app, container('admin', { ports: [port(9090)] })];
  const second = service({ ports: [{ port: 90, targetPort: 9090 }] }, 'admin');

  it('goes to the one that serves, as the API server will store it', () => {
    expect(resolve([app], [service()], { spec: rolloutSpec({ readiness: { probe } }) }).contract.containers).toEqual([
      {
        name: 'app',
        preStopSleepSeconds: 5,
        readinessProbe: {
          httpGet: { port: 'http', path: '/', scheme: 'HTTP' },
          timeoutSeconds: 1,
          periodSeconds: 10,
          successThreshold: 1,
          failureThreshold: 3,
        },
      },
    ]);
  });

  it.each<[string, Container[], Service[], GracefulRolloutSpec['readiness'], string[], string[]]>([
    ['two serve, none is named', both, [service(), second], { probe }, [], ['ProbeContainerUnclear']],
    ['two serve, one is named', both, [service(), second], { probe, container: 'app' }, ['app'], []],
    [
      'there is one already',
      [probed('app')],
      [service({ ports: [{ port: 8080 }] })],
      { probe },
      [],
      ['PortNotDeclared'],
    ],
    ['none is given', [app], [service()], {}, [], ['ReadinessProbeMissing']],
    [
      'its port is not there',
      [app],
      [service()],
      { probe: { tcpSocket: { port: 'grpc' } } },
      [],
      ['ProbePortNotFound'],
    ],
    ['its container is not there', [app], [service()], { probe, container: 'ap' }, [], ['ContainerNotFound']],
  ])('%s', (_case, containers, services, readiness, expected, findings) => {
    const resolution = resolve(containers, services, { spec: rolloutSpec({ readiness }) });
    const names = resolution.contract.containers.filter(({ readinessProbe }) => readinessProbe !== undefined);
    expect(names.map(({ name }) => name)).toEqual(expected);
    expect(codes(resolution)).toEqual(findings);
  });

  it('names the containers that there are', () => {
    const { findings } = resolve(both, [service()], { spec: rolloutSpec({ readiness: { container: 'ap' } }) });
    expect(findings[0]?.message).toBe('the pod template has no container ap; it has: app, admin');
  });
});

describe('a target that the contract cannot help', () => {
  it('without a Service gets the strategy only, and a finding', () => {
    const resolution = resolve([probed('app')], []);
    expect(codes(resolution)).toEqual(['NoService']);
    expect(resolution.contract).toEqual({
      gracePeriodSeconds: 0,
      containers: [],
      strategy: { maxUnavailable: 0, maxSurge: 1 },
    });
  });

  it.each([
    [{ os: { name: 'windows' } }, 'spec.template.spec.os.name'],
    [{ nodeSelector: { 'kubernetes.io/os': 'windows' } }, 'spec.template.spec.nodeSelector'],
  ])('%j: nothing, and where and what to do', (pod, field) => {
    const deployment = manifest({ pod });
    const resolution = resolveContract({ spec: rolloutSpec(), deployment, services: [service()] });
    expect(resolution).toMatchObject({
      notApplicable: 'WindowsPods',
      contract: { gracePeriodSeconds: 0, containers: [] },
    });
    expect(resolution.contract.strategy).toBeUndefined();
    expect(resolution.findings).toMatchObject([
      { code: 'WindowsPods', field, remedy: expect.stringContaining('delete') },
    ]);
  });

  it('with Recreate gets the template part, and a finding', () => {
    const deployment: Deployment = manifest({ spec: { strategy: { type: 'Recreate' } } });
    const { contract, findings } = resolveContract({ spec: rolloutSpec(), deployment, services: [service()] });
    expect(findings.map(({ code }) => code)).toContain('RecreateStrategy');
    expect(contract.strategy).toBeUndefined();
    expect(contract.gracePeriodSeconds).toBe(35);
  });

  it.each([
    [undefined, 600, [undefined, ['MinReadySecondsTooLong']]],
    [601, 600, [600, []]],
    [undefined, 10, [10, []]],
    [30, 30, [undefined, ['MinReadySecondsTooLong']]],
  ])('progressDeadlineSeconds %s, minReadySeconds %d wanted: %j', (deadline, minReadySeconds, [expected, findings]) => {
    const deployment = manifest({
      app: { readinessProbe: { tcpSocket: { port: 8080 } } },
      spec: deadline === undefined ? {} : { progressDeadlineSeconds: deadline },
    });
    const spec = rolloutSpec({ readiness: { minReadySeconds } });
    const resolution = resolveContract({ spec, deployment, services: [service()] });
    expect(resolution.contract.minReadySeconds).toBe(expected);
    expect(codes(resolution)).toEqual(findings);
  });
});
