import type { Finding, FindingCode } from '../api/index.ts';

/** So many names are listed in a message, and so many findings of one code; a count stands for the rest. */
const longestList = 10;

/** "a, b, c"; of many the first ten "and 12 more". */
export function namesOf(names: readonly string[]): string {
  const listed = names.slice(0, longestList).join(', ');
  return names.length > longestList ? `${listed} and ${names.length - longestList} more` : listed;
}

/** The first ten findings of each code; the last of them says how many more there are. */
export function cappedByCode(findings: readonly Finding[]): Finding[] {
  const counts = new Map<string, number>();
  for (const { code } of findings) counts.set(code, (counts.get(code) ?? 0) + 1);
  const seen = new Map<string, number>();
  return findings.flatMap((each) => {
    const nth = (seen.get(each.code) ?? 0) + 1;
    seen.set(each.code, nth);
    if (nth > longestList) return [];
    const more = (counts.get(each.code) ?? 0) - longestList;
    return [
      nth === longestList && more > 0 ? { ...each, message: `${each.message}; and ${more} more like this` } : each,
    ];
  });
}

/** A finding about a target; its code is one of the registry (src/api/findings.ts). Every one says where and what to do. */
export function finding(
  code: FindingCode,
  severity: Finding['severity'],
  message: string,
  { field, remedy }: { readonly field: string; readonly remedy: string },
): Finding {
  return { code, severity, field, message, remedy };
}
