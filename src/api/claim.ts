import type { GracefulRolloutSpec, GracefulRolloutStatus } from './gracefulRollout.ts';
import { parseGracefulRollout } from './index.ts';
import type { KubeObject } from './kubernetes.ts';

/**
 * A GracefulRollout as the API server returned it, read once: what it claims, or why it cannot be used. The CRD's
 * schema refuses nearly everything that ends in `problems`; an object stored under an older schema can still have some.
 */
export interface Claim extends KubeObject {
  /** Name of the Deployment it names, in its own namespace; also where the rest of the spec is wrong. */
  readonly targetName?: string;
  /** With defaults; absent where there are problems. */
  readonly spec?: GracefulRolloutSpec;
  /** One line each: field, what is wrong, what would be right. */
  readonly problems: readonly string[];
  readonly status?: GracefulRolloutStatus;
}

/** Reads an object of the GracefulRollout resource; never throws. */
export function claimOf(object: KubeObject & { readonly spec?: unknown; readonly status?: unknown }): Claim {
  const { managedFields: _, ...metadata } = object.metadata;
  const { spec, status } = object as { spec?: { targetRef?: { name?: unknown } }; status?: GracefulRolloutStatus };
  const targetName = spec?.targetRef?.name;
  const parsed = parseGracefulRollout(object);
  return {
    metadata,
    ...(typeof targetName === 'string' ? { targetName } : {}),
    ...(parsed.ok ? { spec: parsed.value.spec } : {}),
    problems: parsed.ok
      ? []
      : parsed.problems.map(
          ({ field, problem, remedy }) => `${field}: ${problem}${remedy === '' ? '' : ` (${remedy})`}`,
        ),
    ...(status === undefined ? {} : { status }),
  };
}
