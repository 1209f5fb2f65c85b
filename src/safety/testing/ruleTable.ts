import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { CONTEXT_KINDS, type ContextKind, contextOf } from '../context.ts';
import { judge } from '../judge.ts';
import type { Rule } from '../rule.ts';
import type { Context, Finding, Severity } from '../types.ts';
import { workloadOf } from '../workload.ts';
import { applyEdits } from './edits.ts';
import type { Manifest } from './manifests.ts';

/** What is known beyond the manifests. */
export interface Known {
  /** Kinds of which nothing is known unless the manifests have one; all others are known to be just these. */
  readonly unknown?: readonly ContextKind[];
  readonly more?: Partial<Context>;
}

/** The first of the manifests is judged. */
export type Silent = readonly [name: string, manifests: readonly Manifest[], known?: Known];
export type Speaking = readonly [name: string, manifests: readonly Manifest[], wanted: Wanted, known?: Known];

export interface Wanted {
  readonly message: string;
  readonly field?: string;
  readonly level?: Finding['level'];
  readonly severity?: Severity;
  readonly fixed?: boolean;
}

export const testNowMs = Date.UTC(2026, 10, 22);

/** Every finding, at the level that has all of them. */
export function findingsIn(manifests: readonly unknown[], known: Known = {}): Finding[] {
  const [first] = manifests;
  const workload = workloadOf(first);
  if (workload === undefined) throw new Error(`the first manifest is no workload: ${JSON.stringify(first)}`);
  const complete = CONTEXT_KINDS.filter((kind) => known.unknown?.includes(kind) !== true);
  const context = { ...contextOf(manifests, { namespace: workload.namespace, complete }), ...known.more };
  return judge(workload, context, { level: 'strict', nowMs: testNowMs });
}

/** The table of one rule. Of a finding with a fix it is shown that the finding is gone once the fix is written. */
export function testRule(
  rule: Rule,
  table: { readonly says: readonly Speaking[]; readonly silent: readonly Silent[] },
) {
  const of = (manifests: readonly unknown[], known?: Known) =>
    findingsIn(manifests, known).filter(({ code }) => code === rule.code);

  describe(`${rule.code} ${rule.name}`, () => {
    it.each(table.says.map(([name, ...rest]) => ({ name, rest })))('says so: $name', ({ rest }) => {
      const [manifests, wanted, known] = rest;
      const [finding] = of(manifests, known);
      expect(finding).toBeDefined();
      if (finding === undefined) return;
      expect(finding.message).toContain(wanted.message);
      expect(finding).toMatchObject({
        severity: wanted.severity ?? rule.severity,
        level: wanted.level ?? rule.level,
        ...(wanted.field === undefined ? {} : { field: wanted.field }),
      });
      for (const each of of(manifests, known)) wellWorded(each);
      if (wanted.fixed !== undefined) expect(finding.fix !== undefined).toBe(wanted.fixed);
      if (finding.fix === undefined) return;
      const edits = of(manifests, known).flatMap(({ fix = [] }) => fix);
      expect(of([applyEdits(manifests[0], edits), ...manifests.slice(1)], known)).toEqual([]);
    });

    it.each(table.silent.map(([name, ...rest]) => ({ name, rest })))('is silent: $name', ({ rest }) => {
      const [manifests, known] = rest;
      expect(of(manifests, known)).toEqual([]);
    });

    it('declares a fix if its findings have one', () => {
      const fixes = table.says.flatMap(([, manifests, , known]) =>
        of(manifests, known).flatMap(({ fix }) => fix ?? []),
      );
      expect(fixes.length > 0).toBe(rule.hasFix);
    });

    it('finds what its example shows', () => {
      const documents = parseAllDocuments(rule.example).map((document) => document.toJS() as unknown);
      expect(of(documents)).not.toEqual([]);
    });
  });
}

function wellWorded({ message, remedy, object }: Finding): void {
  const where = object.namespace === undefined ? object.name : `${object.namespace}/${object.name}`;
  expect(message.startsWith(`${where}: `)).toBe(true);
  for (const text of [message, remedy]) {
    expect(text).not.toMatch(/[\p{Cc}\n]/u);
    expect(text.length).toBeLessThanOrEqual(160);
  }
  // what the API server recommends for a warning, with "GR101 " before it
  expect(message.length).toBeLessThanOrEqual(114);
}
