/**
 * Whether version `a` is certainly older than `b`. Versions of one resource are comparable as numbers (KEP-5504, true
 * of etcd-backed resources since ever); anything else is opaque, and then nothing is certain.
 */
export function isOlderVersion(a: string, b: string): boolean {
  if (!isNumeric(a) || !isNumeric(b)) return false;
  return a.length === b.length ? a < b : a.length < b.length;
}

/** Decimal without leading zeros, so that length and then text order is numeric order. */
function isNumeric(version: string): boolean {
  return /^[1-9]\d*$/.test(version) || version === '0';
}
