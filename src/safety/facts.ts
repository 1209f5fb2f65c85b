/** What several rules need to know of a workload, worked out once. */
export interface Facts {
  readonly graceSeconds: number;
}
