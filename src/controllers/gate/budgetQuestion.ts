import type { PodView } from '../../gate/types.ts';
import { ApiError, type Client, podEviction } from '../../kube/index.ts';

/** What the API server says to an eviction that changes nothing. */
export interface BudgetAnswer {
  readonly allowed: boolean;
  /** The API server's own words; empty when it allows. */
  readonly message: string;
}

/**
 * Asks the API server, as a dry run, whether the pod's budgets would let it be evicted now
 * (pkg/registry/core/pod/storage/eviction.go): 201 is yes, 429 no, 500 what it says of a pod with two budgets; any other
 * refusal (400 or 403 of a policy's webhook) would meet the evictor too, and is a no with its words. Asking takes nothing from
 * a budget.
 */
export async function askBudget(client: Client, { metadata }: PodView, signal: AbortSignal): Promise<BudgetAnswer> {
  const { namespace = '', name = '', uid } = metadata;
  try {
    await client.create(
      podEviction,
      // The group is that of the body, not of the path.
      {
        apiVersion: 'policy/v1',
        kind: 'Eviction',
        metadata: { namespace, name },
        deleteOptions: uid === undefined ? {} : { preconditions: { uid } },
      },
      { dryRun: true, retry: false, signal },
    );
    return { allowed: true, message: '' };
  } catch (error) {
    if (error instanceof ApiError && error.code >= 400 && error.code <= 500) {
      // The cause names the budget and its numbers.
      const words = [error.serverMessage, ...error.causes.map(({ message }) => message)];
      return { allowed: false, message: [...new Set(words)].filter((word) => word !== '').join(' ') };
    }
    throw error;
  }
}
