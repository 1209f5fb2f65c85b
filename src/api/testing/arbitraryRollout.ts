import * as fc from 'fast-check';
import { API_VERSION, KIND } from '../names.ts';

/*
 * GracefulRollouts for property tests: valid ones, and ones with one to three mutations, of which most are wrong. Both
 * the unit tests and the comparison with the API server draw from here.
 */

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

const optional = { requiredKeys: [] as [] };
const seconds = (max: number) => fc.oneof(fc.constantFrom(0, 1, max), fc.integer({ min: 0, max }));
const count = (min: number) => fc.oneof(fc.constantFrom(min, min + 1, 2_147_483_647), fc.integer({ min, max: 600 }));
const word = fc.string({ minLength: 0, maxLength: 12, unit: 'grapheme' });
const port = fc.oneof(
  fc.integer({ min: 1, max: 65_535 }),
  fc.constantFrom('http', 'a', '8080-tcp', 'h2c', 'metrics-port-15', 1, 65_535),
);
const header = fc.record({ name: fc.stringMatching(/^[-A-Za-z0-9]{1,12}$/), value: word });
const handler = fc.oneof(
  fc.record({ exec: fc.record({ command: fc.array(word, { minLength: 1, maxLength: 4 }) }) }),
  fc.record({
    httpGet: fc.record(
      {
        port,
        path: fc.oneof(word, fc.constantFrom('/', '/healthz?a=b')),
        host: word,
        scheme: fc.constantFrom('HTTP', 'HTTPS'),
        httpHeaders: fc.array(header, { maxLength: 3 }),
      },
      { requiredKeys: ['port'] },
    ),
  }),
  fc.record({ tcpSocket: fc.record({ port, host: word }, { requiredKeys: ['port'] }) }),
  fc.record({
    grpc: fc.record({ port: fc.integer({ min: 1, max: 65_535 }), service: word }, { requiredKeys: ['port'] }),
  }),
);
const probeNumbers = fc.record(
  {
    initialDelaySeconds: count(0),
    periodSeconds: count(1),
    timeoutSeconds: count(1),
    successThreshold: count(1),
    failureThreshold: count(1),
  },
  optional,
);
const probe = fc.tuple(handler, probeNumbers).map(([one, numbers]) => ({ ...one, ...numbers }));

const termination = fc
  .record({ preStopSleepSeconds: seconds(3_600), drainSeconds: seconds(86_400) }, optional)
  .chain((given) => {
    const budget = (given.preStopSleepSeconds ?? 5) + (given.drainSeconds ?? 25) + 5;
    const grace = fc.oneof(fc.constant(budget), fc.integer({ min: budget, max: 604_800 }));
    return fc.option(grace, { nil: undefined }).map((gracePeriodSeconds) => {
      return gracePeriodSeconds === undefined ? given : { ...given, gracePeriodSeconds };
    });
  });

const strategy = fc
  .record(
    {
      maxUnavailable: fc.oneof(fc.constantFrom('0%', '100%', '7%', 0), count(0)),
      maxSurge: fc.oneof(fc.constantFrom('0%', '9999%', '25%', 0), count(0)),
    },
    optional,
  )
  .filter(({ maxSurge, maxUnavailable = 0 }) => ![maxSurge, maxUnavailable].every((it) => it === 0 || it === '0%'));

const seconds1 = (max: number) => fc.oneof(fc.constantFrom(1, max), fc.integer({ min: 1, max }));
const path = fc.constantFrom('/', '/drained', '/metrics?name[]=a', '/%20');
const drained = fc
  .tuple(
    fc.oneof(
      fc.record({
        httpGet: fc.record(
          { path, port: fc.integer({ min: 1, max: 65_535 }), scheme: fc.constantFrom('HTTP', 'HTTPS') },
          { requiredKeys: ['path', 'port'] },
        ),
      }),
      fc.record({
        metric: fc.record(
          {
            path,
            port: fc.integer({ min: 1, max: 65_535 }),
            name: fc.stringMatching(/^[a-zA-Z_:][a-zA-Z0-9_:]{0,10}$/),
            max: seconds(600),
          },
          { requiredKeys: ['port', 'name'] },
        ),
      }),
    ),
    fc.record({ timeoutSeconds: seconds1(600) }, optional),
  )
  .map(([asks, limit]) => ({ ...asks, ...limit }));

const endpointCheck = fc
  .record(
    {
      mode: fc.constantFrom('Gate', 'Observe', 'Off'),
      timeoutSeconds: seconds1(3_600),
      quietSeconds: seconds(600),
      drained,
    },
    optional,
  )
  .filter(({ timeoutSeconds = 60, quietSeconds = 0, drained }) => {
    return quietSeconds + (drained === undefined ? 0 : (drained.timeoutSeconds ?? 30)) < timeoutSeconds;
  });

const eviction = fc.record({ minReady: count(0), replacementTimeoutSeconds: seconds1(86_400) }, optional);

const spec = fc.record(
  {
    targetRef: fc.record(
      {
        name: fc.oneof(fc.stringMatching(/^[a-z0-9]{1,8}([-.][a-z0-9]{1,8}){0,3}$/), fc.constantFrom('a'.repeat(253))),
        apiVersion: fc.constant('apps/v1'),
        kind: fc.constant('Deployment'),
      },
      { requiredKeys: ['name'] },
    ),
    readiness: fc.record(
      { probe, container: fc.stringMatching(/^[a-z0-9]{1,8}(-[a-z0-9]{1,8}){0,2}$/), minReadySeconds: seconds(3_600) },
      optional,
    ),
    termination,
    strategy,
    endpointCheck,
    eviction,
    mode: fc.constantFrom('Enforce', 'Audit'),
    adoption: fc.constantFrom('Immediate', 'NextRollout'),
  },
  { requiredKeys: ['targetRef'] },
);

/** A spec that every rule admits. */
export const validSpec: fc.Arbitrary<Json> = spec;

const junk: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom<Json>(null, true, '', -1, 0, 1, 4, 1.5, 3_601, 65_535, 65_536, 86_401, 604_801, 2_147_483_648, 1e21),
  fc.constantFrom<Json>('0%', '00%', '101%', '10000%', '-1%', '1', '5s', '10 %', '%', ' 0%', '0%\n'),
  fc.constantFrom<Json>(
    'Shop',
    'a_b',
    '-a',
    'a-',
    'a.',
    'a..b',
    'a--b',
    'x'.repeat(16),
    'x'.repeat(64),
    'x'.repeat(254),
  ),
  fc.constantFrom<Json>('http\n', '8080', 'ä', '😀'.repeat(130), 'HTTP', 'http', 'StatefulSet', 'v1', 'enforce'),
  fc.constantFrom<Json>([], {}, [null], [1], [''], [{}], { port: 1 }, { command: ['true'] }, { name: 'x', value: '' }),
  fc.integer(),
  word,
);

/** Members that a person might write in the wrong place, or misspell. */
const strayKeys = [
  'name',
  'namespace',
  'port',
  'path',
  'exec',
  'httpGet',
  'tcpSocket',
  'grpc',
  'terminationGracePeriodSeconds',
  'gracePeriodSeconds',
  'preStopSeconds',
  'maxSurge',
  'maxUnavailable',
  'container',
  'value',
  'metric',
  'timeoutSeconds',
  'quietSeconds',
  'drained',
  'minReady',
  'Mode',
  'constructor',
];

type Path = readonly (string | number)[];

function pathsOf(value: Json, at: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [at];
  const members: [string | number, Json][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return [at, ...members.flatMap(([key, member]) => pathsOf(member, [...at, key]))];
}

function changedAt(value: Json, path: Path, change: (old: Json) => Json | undefined): Json | undefined {
  const [head, ...rest] = path;
  if (head === undefined) return change(value);
  if (Array.isArray(value)) {
    return value.flatMap((item, index) => {
      const next = index === head ? changedAt(item, rest, change) : item;
      return next === undefined ? [] : [next];
    });
  }
  const members = Object.entries(value as Readonly<Record<string, Json>>).flatMap(([key, member]) => {
    const next = key === head ? changedAt(member, rest, change) : member;
    return next === undefined ? [] : [[key, next] as const];
  });
  return Object.fromEntries(members);
}

const isObject = (value: Json): value is { readonly [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const mutation = fc.record({
  where: fc.nat(),
  kind: fc.constantFrom('replace', 'replace', 'replace', 'remove', 'add', 'graft', 'graft', 'graft'),
  key: fc.constantFrom(...strayKeys),
  value: junk,
});

/** Puts a member of another object into this one, so that members meet that do not fit together. */
function grafted(value: Json | undefined, donor: Json, path: Path): Json {
  const [head, ...rest] = path;
  if (head === undefined || !isObject(donor) || typeof head === 'number') return donor;
  const base = value !== undefined && isObject(value) ? value : {};
  return { ...base, [head]: grafted(base[head], donor[head] ?? null, rest) };
}

function mutated(valid: fc.Arbitrary<Json>, mutations: fc.ArrayConstraints): fc.Arbitrary<Json | undefined> {
  return fc.tuple(valid, valid, fc.array(mutation, mutations)).map(([start, donor, mutations]) => {
    let value: Json | undefined = start;
    for (const { where, kind, key, value: replacement } of mutations) {
      if (value === undefined) break;
      if (kind === 'graft') {
        value = grafted(value, donor, pick(pathsOf(donor), where));
        continue;
      }
      value = changedAt(value, pick(pathsOf(value), where), (old) => {
        if (kind === 'replace') return replacement;
        if (kind === 'remove') return undefined;
        return isObject(old) ? { ...old, [key]: replacement } : old;
      });
    }
    return value;
  });
}

function pick(paths: readonly Path[], where: number): Path {
  return paths[where % paths.length] ?? [];
}

/** A spec with one to three mutations; most are wrong. */
export const mutatedSpec = mutated(validSpec, { minLength: 1, maxLength: 3 });

/** A probe with no to two mutations. */
export const probeMutations = mutated(probe, { maxLength: 2 });

/** The whole object around a spec; `undefined` leaves it out. */
export function rolloutWith(name: string, spec: unknown): Readonly<Record<string, unknown>> {
  return {
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: { name, namespace: 'default' },
    ...(spec === undefined ? {} : { spec }),
  };
}
