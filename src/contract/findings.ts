import type { Finding, FindingCode } from '../api/index.ts';

/** A finding about a target; its code is one of the registry (src/api/findings.ts). */
export function finding(
  code: FindingCode,
  severity: Finding['severity'],
  message: string,
  more: { readonly field?: string; readonly remedy?: string } = {},
): Finding {
  return { code, severity, message, ...more };
}
