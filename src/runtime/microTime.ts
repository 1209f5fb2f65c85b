/** RFC 3339 with six decimals, the only form that `MicroTime` fields take (apimachinery `metav1.MicroTime`). */
export function microTime(wallMs: number): string {
  return new Date(wallMs).toISOString().replace('Z', '000Z');
}
