import { expect, test } from 'vitest';
import { contextReaders } from './context.ts';
import { seenByOthers } from './neighbours.ts';
import { app, budget, deployment, type Manifest, ofKind, service } from './testing/manifests.ts';
import type { Context } from './types.ts';

const around = (...manifests: readonly Manifest[]): Context => ({
  services: manifests.flatMap((object) => (object['kind'] === 'Service' ? (contextReaders.service(object) ?? []) : [])),
  podDisruptionBudgets: manifests.flatMap((object) =>
    object['kind'] === 'PodDisruptionBudget' ? (contextReaders.podDisruptionBudget(object) ?? []) : [],
  ),
});
const seen = (manifest: Manifest, context: Context) => seenByOthers(contextReaders.workload(manifest), context);
const labelled = (labels: Manifest, container: Manifest = {}): Manifest =>
  deployment({ template: { metadata: { labels }, spec: { containers: [app(container)] } } });

const plain = labelled({ app: 'web' });
const version = labelled({ app: 'web', version: '2' }, { image: 'example.com/web:2', readinessProbe: undefined });
const elsewhere = labelled({ app: 'other' });
const renamed = labelled({ app: 'web' }, { ports: [{ name: 'web', containerPort: 8080 }] });
const numbered = service({ ports: [{ port: 80, targetPort: 8080 }] });
const scaled = (replicas: number) => deployment({ replicas });
const all = around(service(), budget());

test.each<[string, Manifest, Manifest, Context, boolean]>([
  ['another image, probe and label that nobody selects by', plain, version, all, true],
  ['labels out of the budget and the Service', plain, elsewhere, all, false],
  ['labels out of the budget', plain, elsewhere, around(budget()), false],
  ['labels out of the Service that looks a port up by name', plain, elsewhere, around(service()), false],
  ['labels out of a Service that names a number', plain, elsewhere, around(numbered), false],
  ['a port that a Service looks up', plain, renamed, all, false],
  ['a port that no Service looks up', plain, renamed, around(budget()), true],
  ['a port beside a Service that names a number', plain, renamed, around(numbered), true],
  ['its last pod', plain, scaled(0), around(numbered), false],
  ['another number of pods', plain, scaled(9), all, true],
  ['labels that nothing selects by', plain, elsewhere, around(), true],
  ['another kind of the same pods', plain, ofKind('StatefulSet', 'apps/v1', plain), all, true],
])('%s', (_change, before, after, context, isEqual) => {
  const [one, other] = [seen(before, context), seen(after, context)];
  if (isEqual) expect(other).toEqual(one);
  else expect(other).not.toEqual(one);
});

test('one that comes or goes is seen where something selects it', () => {
  expect(seen(plain, all)).not.toEqual(seenByOthers(undefined, all));
  expect(seen(plain, around())).toEqual(seenByOthers(undefined, around()));
});
