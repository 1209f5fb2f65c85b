import type { Change, Finding } from '../api/index.ts';
import { canonicalJson, sameJson } from './canonicalJson.ts';
import { API_DEFAULTS, recordedFields } from './contractFields.ts';
import { formatPath } from './fieldPath.ts';
import { finding } from './findings.ts';

/**
 * One finding for each entry of a record (`status.changes`) whose value the author's manifest names, so that what is in
 * Git and what runs differ. The API server's own default is taken for a value that nobody wrote. Never throws.
 */
export function raisedValueFindings(changes: readonly Change[]): Finding[] {
  return recordedFields(changes).flatMap(({ kind, path, from, to }) => {
    if (from === undefined || to === undefined || sameJson(from, API_DEFAULTS[kind])) return [];
    const field = formatPath(path);
    const name = field.slice(field.lastIndexOf('.') + 1);
    const message = `the manifest names ${name} ${textOf(from)}, which falls short of the contract: it was set to ${textOf(to)}`;
    return [finding('ValueRaised', 'info', message, { field, remedy: `write ${textOf(to)} into the manifest` })];
  });
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : canonicalJson(value);
}
