import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { crdYaml, customResourceDefinition } from './crd.ts';
import { type StructuralSchema, structuralSchema } from './structuralSchema.ts';

type Field = readonly [path: string, schema: StructuralSchema];

function fields(schema: StructuralSchema, path = ''): Field[] {
  const members = Object.entries(schema.properties ?? {});
  return [
    [path, schema],
    ...members.flatMap(([name, member]) => fields(member, `${path}.${name}`)),
    ...(schema.items === undefined ? [] : fields(schema.items, `${path}[]`)),
  ];
}

const all = fields(structuralSchema());
const spec = all.filter(([path]) => path.startsWith('.spec'));

test('every field has a description that is a sentence', () => {
  const without = all.filter(
    ([path, { description = '' }]) => path !== '.metadata' && !/^[A-Za-z][^]*[.a-zA-Z0-9/]$/.test(description),
  );
  expect(without.map(([path]) => path)).toEqual([]);
  expect(all.length).toBeGreaterThan(90);
});

test('every field has exactly one type, and lists say what is in them', () => {
  const wrong = all.filter(([, schema]) => {
    const types = [schema.type, schema['x-kubernetes-int-or-string']].filter((it) => it !== undefined);
    return types.length !== 1 || (schema.type === 'array') !== (schema.items !== undefined);
  });
  expect(wrong.map(([path]) => path)).toEqual([]);
});

test('every rule says what is wrong and what to do, and fits one warning line', () => {
  const rules = spec.flatMap(([path, schema]) => {
    const list = (schema['x-kubernetes-validations'] ?? []) as { rule: string; message: string }[];
    return list.map(({ message }) => [path, message] as const);
  });
  expect(rules.length).toBeGreaterThan(8);
  for (const [path, message] of rules) {
    expect(message, path).toMatch(/^[^:]+: [^\n]+$|: write at least/);
    expect(message, path).not.toContain('\n');
  }
});

test('nothing below status can refuse a status', () => {
  const bounded = all.filter(([path, schema]) => {
    const bounds = ['x-kubernetes-validations', 'minimum', 'maximum', 'maxItems', 'minItems', 'maxLength', 'pattern'];
    return path.startsWith('.status') && bounds.some((keyword) => keyword in schema);
  });
  expect(bounded.map(([path]) => path)).toEqual([]);
});

test('names and columns', () => {
  expect(customResourceDefinition()).toMatchObject({
    metadata: { name: 'gracefulrollouts.graceful-rollout.io' },
    spec: {
      scope: 'Namespaced',
      names: { kind: 'GracefulRollout', shortNames: ['gr'] },
      versions: [
        {
          name: 'v1alpha1',
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: ['Target', 'Phase', 'Contract', 'Held-By', 'Age', 'Mode', 'Gate', 'Message'].map(
            (name) => ({
              name,
            }),
          ),
        },
      ],
    },
  });
});

test('a reader of YAML 1.1 (kubectl, Helm) gets the same object: no plain Off', () => {
  expect(parse(crdYaml(), { version: '1.1' })).toEqual(JSON.parse(JSON.stringify(customResourceDefinition())));
});
