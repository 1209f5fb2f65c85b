/** The API server cuts each warning to this many runes once all together exceed the total (apiserver endpoints/filters/warning.go). */
export const WARNING_MAX_RUNES = 256;
/** All warnings of one answer together. */
const WARNINGS_MAX_TOTAL_RUNES = 4096;

/** Kept free for the line that counts what did not fit. */
const OVERFLOW_RUNES = 64;

/**
 * Warnings fit for a `Warning` header. The API server drops a warning that holds a control character silently
 * (`net.NewWarningHeader`), and cuts long ones in the middle of a word; so each becomes one line of at most 256 runes, ends in `…` where
 * it was cut, appears once, and all together stay within 4096 runes, with a last line that counts what was left out.
 */
export function sanitizeWarnings(warnings: readonly string[]): string[] {
  const lines = [...new Set(warnings.map(oneLine).filter((line) => line !== ''))];
  const kept: string[] = [];
  let runes = 0;
  for (const [index, line] of lines.entries()) {
    runes += Array.from(line).length;
    const isLast = index === lines.length - 1;
    if (runes > WARNINGS_MAX_TOTAL_RUNES - (isLast ? 0 : OVERFLOW_RUNES)) {
      kept.push(`${lines.length - index} more warnings are not shown`);
      break;
    }
    kept.push(line);
  }
  return kept;
}

function oneLine(text: string): string {
  const line = text
    .toWellFormed()
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim();
  const runes = Array.from(line);
  return runes.length <= WARNING_MAX_RUNES ? line : `${runes.slice(0, WARNING_MAX_RUNES - 1).join('')}…`;
}
