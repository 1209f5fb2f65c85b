/** `299 agent "text" "date"`: the date is optional, quotes and backslashes in the text are escaped by a backslash. */
const WARNING = /(\d{3}) (\S+) "((?:[^"\\]|\\.)*)"(?: "[^"]*")?/g;

/**
 * The texts of all Warning headers of an answer, in order. Only code 299 is Kubernetes' own; others (a proxy's 110
 * "response is stale") are dropped, as kubectl does. Source: RFC 7234 section 5.5, KEP-1693.
 */
export function parseWarnings(header: string | readonly string[] | undefined): readonly string[] {
  if (header === undefined) return [];
  const headers = typeof header === 'string' ? [header] : header;
  return headers.flatMap((value) =>
    [...value.matchAll(WARNING)].filter(([, code]) => code === '299').map(([, , , text]) => unescape(text ?? '')),
  );
}

function unescape(text: string): string {
  return text.replaceAll(/\\(.)/g, '$1');
}
