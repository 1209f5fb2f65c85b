import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { parseGracefulRollout } from '../../src/api/parse.ts';
import { mutatedSpec, probeMutations, rolloutWith, validSpec } from '../../src/api/testing/arbitraryRollout.ts';
import { type ApiServer, connect, inParallel, installCrd, rolloutsPath } from './apiServer.ts';

/*
 * What zod accepts, the API server accepts, and the other way round: the CRD's schema and CEL rules against the same
 * rules in TypeScript, over generated objects.
 */

let api: ApiServer;
beforeAll(async () => {
  api = await connect(inject('kubeconfig'));
  await installCrd(api);
});
afterAll(() => api.close());

interface Verdict {
  readonly accepted: boolean;
  readonly spec: unknown;
  readonly words: string;
}

async function dryRun(path: string, object: unknown, fieldValidation: 'Strict' | 'Ignore'): Promise<Verdict> {
  const { code, body } = await api.send('POST', `${path}?dryRun=All&fieldValidation=${fieldValidation}`, object);
  if (![201, 400, 422].includes(code)) throw new Error(`the API server answered ${code}: ${JSON.stringify(body)}`);
  return { accepted: code === 201, spec: body.spec, words: String(body.message) };
}

const modes = [
  { fieldValidation: 'Strict', unknownFields: 'refuse', objects: 2_400 },
  { fieldValidation: 'Ignore', unknownFields: 'ignore', objects: 600 },
] as const;

test.each(modes)('zod and the API server agree ($fieldValidation, $objects objects)', async (mode) => {
  const seed = Date.now();
  const arbitrary = fc.oneof({ weight: 1, arbitrary: validSpec }, { weight: 2, arbitrary: mutatedSpec });
  const objects = fc.sample(arbitrary, { numRuns: mode.objects, seed }).map((spec) => rolloutWith('shop', spec));

  const disagreements: { readonly object: string; readonly zod: unknown; readonly apiServer: unknown }[] = [];
  let accepted = 0;
  await inParallel(objects, 16, async (object) => {
    const parsed = parseGracefulRollout(object, { unknownFields: mode.unknownFields });
    const server = await dryRun(rolloutsPath('default'), object, mode.fieldValidation);
    if (server.accepted) accepted += 1;
    const sameDefaults = !parsed.ok || !server.accepted || sameJson(parsed.value.spec, server.spec);
    if (parsed.ok === server.accepted && sameDefaults) return;
    disagreements.push({
      object: JSON.stringify(object),
      zod: parsed.ok ? parsed.value.spec : parsed.problems,
      apiServer: server.accepted ? server.spec : server.words,
    });
  });

  disagreements.sort((a, b) => a.object.length - b.object.length);
  expect(disagreements.slice(0, 3), `seed ${seed}, ${disagreements.length} disagreements, the shortest first`).toEqual(
    [],
  );
  expect(accepted).toBeGreaterThan(objects.length / 4);
  expect(objects.length - accepted).toBeGreaterThan(objects.length / 4);
});

test('a probe is accepted here exactly where core/v1 accepts it as a readiness probe, known differences aside', async () => {
  const seed = Date.now();
  const probes = fc.sample(probeMutations, { numRuns: 1_000, seed });
  const disagreements: string[] = [];
  let accepted = 0;
  let different = 0;
  await inParallel(probes, 16, async (probe) => {
    const ours = parseGracefulRollout(rolloutWith('shop', { targetRef: { name: 'shop' }, readiness: { probe } }), {
      unknownFields: 'refuse',
    });
    const core = await dryRun('/apis/apps/v1/namespaces/default/deployments', deploymentWith(probe), 'Strict');
    if (core.accepted) accepted += 1;
    if (ours.ok === core.accepted) return;
    if (core.accepted && isKnownDifference(probe)) {
      different += 1;
      return;
    }
    disagreements.push(`${JSON.stringify(probe)}: ours ${JSON.stringify(ours)}, core ${core.words}`);
  });
  disagreements.sort((a, b) => a.length - b.length);
  expect(disagreements.slice(0, 3), `seed ${seed}, ${disagreements.length} disagreements`).toEqual([]);
  expect(accepted).toBeGreaterThan(200);
  expect(different).toBeLessThan(200);
});

function deploymentWith(readinessProbe: unknown): unknown {
  const labels = { app: 'shop' };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'shop' },
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'app', image: 'app', readinessProbe }] } },
    },
  };
}

/**
 * What core/v1 accepts and this API does not. A 0 and an empty scheme, which core silently turns into the default; a
 * header without a value and a null within a list, which core reads as the empty text, though its published schema says
 * otherwise.
 */
function isKnownDifference(probe: unknown): boolean {
  if (typeof probe !== 'object' || probe === null) return false;
  const { exec, httpGet, ...numbers } = probe as Record<string, unknown> & {
    exec?: { command?: unknown };
    httpGet?: { httpHeaders?: unknown; scheme?: unknown };
  };
  const zero = ['periodSeconds', 'timeoutSeconds', 'successThreshold', 'failureThreshold'].some(
    (name) => numbers[name] === 0,
  );
  const nullWord = Array.isArray(exec?.command) && exec.command.includes(null);
  const headers: unknown = httpGet?.httpHeaders;
  const noValue =
    Array.isArray(headers) && headers.some((header: { value?: unknown } | null) => (header?.value ?? null) === null);
  return zero || nullWord || noValue || httpGet?.scheme === '';
}

function sameJson(a: unknown, b: unknown): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => sorted(item));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => [key, sorted(member)]),
  );
}
