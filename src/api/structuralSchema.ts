import { z } from 'zod';
import { specSchema } from './spec.ts';
import { statusSchema } from './status.ts';

/**
 * A structural schema as apiextensions/v1 JSONSchemaProps wants it, in the part that this project uses. The order of
 * the members is the order in the CRD.
 */
export interface StructuralSchema {
  readonly description?: string;
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  readonly properties?: Readonly<Record<string, StructuralSchema>>;
  readonly required?: readonly string[];
  readonly items?: StructuralSchema;
  readonly nullable?: boolean;
  readonly default?: unknown;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly [keyword: string]: unknown;
}

const keywordOrder = [
  'description',
  'type',
  'x-kubernetes-int-or-string',
  'format',
  'nullable',
  'enum',
  'default',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'pattern',
  'minItems',
  'maxItems',
  'required',
  'properties',
  'items',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-validations',
];

/**
 * The schema of the whole object, from the zod schemas. Throws on a keyword that a structural schema does not have:
 * then a zod type was used that a CRD cannot express.
 */
export function structuralSchema(): StructuralSchema {
  return {
    description:
      'A GracefulRollout keeps a Deployment to its termination contract, so that rolling updates lose no request: a readiness probe, a preStop sleep, a grace period that is long enough, and a strategy that never takes a pod away before its successor serves.',
    type: 'object',
    required: ['spec'],
    properties: {
      apiVersion: { type: 'string', description: 'The version of this schema, graceful-rollout.io/v1alpha1.' },
      kind: { type: 'string', description: 'GracefulRollout.' },
      metadata: { type: 'object' },
      spec: structural(specSchema),
      status: withoutRules(structural(statusSchema)),
    },
  };
}

function structural(schema: z.ZodType): StructuralSchema {
  const emitted: unknown = z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input', reused: 'inline' });
  return normalize(emitted as Keywords, 'spec or status');
}

type Keywords = Record<string, unknown>;

function normalize(emitted: Keywords, where: string): StructuralSchema {
  const out = new Map<string, unknown>();
  for (const [keyword, value] of Object.entries(emitted)) {
    if (keyword === 'anyOf') {
      if (!isIntOrString(value)) throw new Error(`${where}: a CRD has no unions but int-or-string`);
      out.set('x-kubernetes-int-or-string', true);
    } else if (keyword === 'properties') {
      const members = Object.entries(value as Record<string, Keywords>);
      out.set(keyword, Object.fromEntries(members.map(([name, member]) => [name, normalize(member, name)])));
    } else if (keyword === 'items') {
      out.set(keyword, normalize(value as Keywords, `${where}[]`));
    } else if (typeof value === 'number' && Math.abs(value) === Number.MAX_SAFE_INTEGER) {
      // zod's own bound of an integer: says nothing in a CRD
    } else if (keywordOrder.includes(keyword)) {
      out.set(keyword, value);
    } else {
      throw new Error(`${where}: a structural schema has no ${keyword}; write the zod type in another way`);
    }
  }
  return Object.fromEntries(keywordOrder.flatMap((keyword) => (out.has(keyword) ? [[keyword, out.get(keyword)]] : [])));
}

function isIntOrString(anyOf: unknown): boolean {
  return Array.isArray(anyOf) && anyOf.map((one: Keywords) => one.type).join() === 'integer,string';
}

const ruleKeywords = ['x-kubernetes-validations', 'minimum', 'maximum', 'maxLength', 'minItems', 'maxItems', 'default'];

function withoutRules(schema: StructuralSchema): StructuralSchema {
  const kept = Object.entries(schema).filter(([keyword]) => !ruleKeywords.includes(keyword));
  return {
    ...Object.fromEntries(kept),
    ...(schema.items === undefined ? {} : { items: withoutRules(schema.items) }),
    ...(schema.properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(
            Object.entries(schema.properties).map(([name, member]) => [name, withoutRules(member)]),
          ),
        }),
  };
}
