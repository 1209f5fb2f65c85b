/** The run measures nothing: the rig, not what it was to measure, lost requests or failed. */
export class VoidRunError extends Error {
  override readonly name = 'VoidRunError';
}
