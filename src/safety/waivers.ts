import { GROUP } from '../api/index.ts';

/**
 * On the object that is judged: which rules do not apply to it, why, and until when.
 * `GR304 one pod is enough for this tool until=2027-01-31; GR501 ... until=2027-03-01`: entries end in `;` or a new line,
 * each is a code, a reason of one word or more, and the last day (UTC) on which it holds.
 */
export const WAIVE_ANNOTATION = `${GROUP}/waive` as const;

/** What an object's annotation says, today. */
export interface Waivers {
  /** Codes that are waived. */
  readonly codes: ReadonlySet<string>;
  readonly malformed: readonly { readonly entry: string; readonly problem: string }[];
  readonly expired: readonly { readonly code: string; readonly until: string; readonly daysAgo: number }[];
}

/** An annotation holds 256 KiB; nobody needs so many waivers. */
const mostEntries = 100;
/** Of UTC, which has no other days. */
export const msPerDay = 86_400_000;

/** @param mayWaive whether there is a rule with this code that can be waived */
export function waiversOf(
  annotations: Readonly<Record<string, string>>,
  mayWaive: (code: string) => boolean,
  nowMs: number,
): Waivers {
  const entries = (annotations[WAIVE_ANNOTATION] ?? '')
    .split(/[;\n]/)
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
    .slice(0, mostEntries);
  const codes = new Set<string>();
  const malformed: Waivers['malformed'][number][] = [];
  const expired: Waivers['expired'][number][] = [];
  for (const entry of entries) {
    const read = readEntry(entry, mayWaive);
    if ('problem' in read) malformed.push({ entry, problem: read.problem });
    else if (nowMs < read.endMs) codes.add(read.code);
    else expired.push({ ...read, daysAgo: Math.floor((nowMs - read.endMs) / msPerDay) + 1 });
  }
  return { codes, malformed, expired };
}

type Entry =
  | { readonly problem: string }
  /** endMs: the first millisecond in which the waiver does not hold. */
  | { readonly code: string; readonly until: string; readonly endMs: number };

function readEntry(entry: string, mayWaive: (code: string) => boolean): Entry {
  const [code = '', ...words] = entry.split(/\s+/);
  if (!mayWaive(code)) return { problem: `${code.slice(0, 20)} is no rule that can be waived` };
  const untils = words.filter((word) => word.startsWith('until='));
  const until = untils[0]?.slice('until='.length) ?? '';
  if (untils.length === 0) return { problem: 'it names no last day' };
  if (untils.length > 1) return { problem: 'it names several last days' };
  const dayMs = /^\d{4}-\d{2}-\d{2}$/.test(until) ? Date.parse(`${until}T00:00:00Z`) : Number.NaN;
  // Date.parse takes 31 February for 3 March
  if (Number.isNaN(dayMs) || !new Date(dayMs).toISOString().startsWith(until)) {
    return { problem: `${until.slice(0, 20)} is no day` };
  }
  if (words.length === untils.length) return { problem: 'it gives no reason' };
  return { code, until, endMs: dayMs + msPerDay };
}
