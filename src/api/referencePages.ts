import { FINDINGS } from './findings.ts';
import { METRICS, type MetricEntry } from './metricNames.ts';
import {
  ADOPT_ANNOTATION,
  API_VERSION,
  CONTRACT_ANNOTATION,
  DRAIN_ANNOTATION,
  GIVE_BACK_ANNOTATION,
  KIND,
  RECOUNT_ANNOTATION,
  SHORT_NAME,
} from './names.ts';
import { CONDITION_TYPES, EVENTS, REASONS } from './registry.ts';
import type { CelValidation } from './rule.ts';
import { PHASES } from './status.ts';
import { type StructuralSchema, structuralSchema } from './structuralSchema.ts';

const generated = '<!-- Generated from src/api by `npm run generate`: do not edit. -->\n';

/** docs/reference/conditions.md: phases, conditions, reasons, findings, events. */
export function conditionsPage(): string {
  return [
    `${generated}# Phases, conditions, reasons, findings and events\n`,
    'What a script or an alert may rely on: these words keep their meaning; the sentences beside them in a status may change.\n',
    '```sh\nkubectl wait gr/shop --for=condition=Ready --timeout=5m\n```\n',
    '## Phases\n',
    'One word for `kubectl get gr`; the conditions say why.\n',
    table(
      ['Phase', 'Meaning'],
      rows(PHASES, ([name, meaning]) => [code(name), meaning]),
    ),
    '## Condition types\n',
    table(
      ['Type', 'Meaning', 'True', 'False'],
      rows(CONDITION_TYPES, ([name, it]) => [code(name), it.meaning, it.whenTrue, it.whenFalse]),
    ),
    '## Reasons\n',
    table(
      ['Reason', 'Meaning', 'What to do'],
      rows(REASONS, ([name, it]) => [code(name), it.meaning, it.remedy]),
    ),
    '## Findings\n',
    'In `status.findings` (the ten worst) and, with severity warning, as events. Where the warnings on workloads are enabled, the codes of the [rules](rules.md) stand beside these.\n',
    table(
      ['Code', 'Severity', 'Meaning', 'What to do'],
      rows(FINDINGS, ([name, it]) => [code(name), it.severity, it.meaning, it.remedy]),
    ),
    '## Events\n',
    'One for each change, none for a state that goes on. Reasons of the conditions that have no event of their own are ordinary states (`Paused`, `AwaitingNextRollout`, `ScaledToZero`, `Audited`, ...): somebody asked for them, and the condition says so for as long as they last.\n',
    table(
      ['Reason', 'Type', 'Meaning'],
      rows(EVENTS, ([name, it]) => [code(name), it.type, it.meaning]),
    ),
  ].join('\n');
}

/**
 * docs/reference/metrics.md: every metric with its labels.
 * @param others those that the webhook server, the certificates and the runtime declare
 */
export function metricsPage(others: Readonly<Record<string, MetricEntry>>): string {
  const all = Object.entries<MetricEntry>({ ...METRICS, ...others }).sort(([a], [b]) => (a < b ? -1 : 1));
  const section = (own: boolean) =>
    table(
      ['Metric', 'Type', 'Labels', 'Meaning'],
      all
        .filter(([name]) => name.startsWith('graceful_rollout_') === own)
        .map(([name, it]) => [code(name), it.type, it.labels.map((label) => code(label)).join(', '), it.help]),
    );
  return [
    `${generated}# Metrics\n`,
    'Served on `/metrics` of the operator, in the Prometheus text format. No label carries the name of a pod. `process_*` and `nodejs_*` are those of prom-client.\n',
    '## Of this operator\n',
    section(true),
    '## As in other operators\n',
    'Named as client-go and controller-runtime name them, so that dashboards made for those work here.\n',
    section(false),
  ].join('\n');
}

/** docs/reference/api.md: every field of a GracefulRollout. */
export function apiPage(): string {
  const { properties } = structuralSchema();
  const { spec = {}, status = {} } = properties ?? {};
  return [
    `${generated}# ${KIND} (${API_VERSION})\n`,
    `Namespaced, short name \`${SHORT_NAME}\`. The same text is in the cluster: \`kubectl explain ${SHORT_NAME}.spec --recursive\`.\n`,
    'The smallest one:\n',
    `\`\`\`yaml\napiVersion: ${API_VERSION}\nkind: ${KIND}\nmetadata:\n  name: shop\nspec:\n  targetRef:\n    name: shop\n\`\`\`\n`,
    'What the schema itself refuses, the API server says in its own words: the field, and what is wrong with it, without a remedy. The commonest: `spec.targetRef: Required value` (write the `targetRef` of the example), and `must be of type integer: "string"` (seconds are whole numbers without a unit and without quotes: `25`, not `25s` or `"25"`). Where a rule refuses, the message has what to write.\n',
    '## spec\n',
    table(['Field', 'Type', 'Default', 'Meaning'], fieldRows(spec, 'spec')),
    '## status\n',
    table(['Field', 'Type', 'Default', 'Meaning'], fieldRows(status, 'status')),
    '## Annotations on the target\n',
    table(
      ['Annotation', 'Written by', 'Meaning'],
      [
        [code(CONTRACT_ANNOTATION), 'the webhook', 'What was changed on this Deployment and from what, as JSON text.'],
        [
          code(ADOPT_ANNOTATION),
          'the controller',
          'The hash of the contract that an adoption brought in. Writing a new value that begins with `requested-` is how a Deployment that is already there is adopted: the webhook completes that write and puts the hash in its place.',
        ],
        [
          code(GIVE_BACK_ANNOTATION),
          'you',
          'Write `"true"` on a Deployment that no GracefulRollout enforces any more to have it given back at once, which is a rollout; otherwise it is given back with the next change of its template.',
        ],
      ],
    ),
    '## Annotations on pods\n',
    table(
      ['Annotation', 'Written by', 'Meaning'],
      [
        [
          code(DRAIN_ANNOTATION),
          'the gate',
          'Where the drain of this pod stands, as JSON text with a signature. Written by anybody else it counts as absent and is taken off.',
        ],
        [
          code(RECOUNT_ANNOTATION),
          'the gate',
          'When the pod was touched so that its PodDisruptionBudgets are counted again, after another pod of its Deployment was taken out of its Services by a label that they select on.',
        ],
      ],
    ),
  ].join('\n');
}

function fieldRows(schema: StructuralSchema, path: string): string[][] {
  const required = schema.required ?? [];
  return Object.entries(schema.properties ?? {}).flatMap(([name, member]) => {
    const at = `${path}.${name}`;
    const field = `${code(at)}${required.includes(name) && path.startsWith('spec') ? ' (required)' : ''}`;
    const row = [field, typeOf(member), defaultOf(member), meaningOf(member)];
    // the probe is written out below spec
    if (at.startsWith('status') && name === 'readinessProbe') return [row];
    return [row, ...fieldRows(member.items ?? member, member.items === undefined ? at : `${at}[]`)];
  });
}

function typeOf(schema: StructuralSchema): string {
  if (schema['x-kubernetes-int-or-string'] === true) return 'integer or text';
  if (Array.isArray(schema.enum)) return schema.enum.map((value) => code(String(value))).join(' or ');
  const { minimum, maximum } = schema;
  if (schema.items !== undefined) return `list of ${typeOf(schema.items)}`;
  if (schema.type === 'integer' && typeof minimum === 'number') {
    return maximum === 2_147_483_647 ? `integer from ${minimum}` : `integer, ${minimum} to ${String(maximum)}`;
  }
  return schema.type ?? '';
}

function defaultOf(schema: StructuralSchema): string {
  if (schema.default === undefined || schema.type === 'object') return '';
  return code(typeof schema.default === 'string' ? schema.default : JSON.stringify(schema.default));
}

function meaningOf(schema: StructuralSchema): string {
  const rules = schema['x-kubernetes-validations'];
  const messages = Array.isArray(rules) ? rules.map((rule: CelValidation) => refusal(rule)) : [];
  return [schema.description ?? '', ...messages].join(' ');
}

function refusal(rule: CelValidation): string {
  return `*Refused:* ${rule.fieldPath === undefined ? '' : `${code(rule.fieldPath.slice(1))} `}${rule.message}.`;
}

function rows<T extends object>(
  entries: T,
  row: (entry: [keyof T & string, T[keyof T]]) => readonly string[],
): (readonly string[])[] {
  return (Object.entries(entries) as [keyof T & string, T[keyof T]][]).map((entry) => row(entry));
}

function code(text: string): string {
  return `\`${text}\``;
}

function table(head: readonly string[], body: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return `${[line(head), line(head.map(() => '---')), ...body.map((cells) => line(cells))].join('\n')}\n`;
}
