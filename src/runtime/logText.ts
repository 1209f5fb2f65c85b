const SHOWN_FIRST = new Set(['time', 'level', 'msg', 'err']);

/** Turns one JSON log line into one for people: `12:00:01.234 INFO  message key=value`, an error's stack below it. */
export function textLine(jsonLine: string): string {
  const entry = JSON.parse(jsonLine) as Record<string, unknown>;
  const time = typeof entry['time'] === 'string' ? entry['time'].slice(11, 23) : '';
  const level = String(entry['level']).toUpperCase().padEnd(5);
  const fields = Object.entries(entry)
    .filter(([field]) => !SHOWN_FIRST.has(field))
    .map(([field, value]) => ` ${field}=${typeof value === 'string' ? quoteIfNeeded(value) : JSON.stringify(value)}`);
  return `${time} ${level} ${String(entry['msg'])}${fields.join('')}\n${errorLines(entry['err'])}`;
}

function quoteIfNeeded(value: string): string {
  return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}

function errorLines(err: unknown): string {
  if (err === undefined) return '';
  const stack = typeof err === 'object' && err !== null && 'stack' in err ? err.stack : undefined;
  const text = typeof stack === 'string' ? stack : JSON.stringify(err);
  return `${text.replace(/^/gm, '    ')}\n`;
}
