import { GRACE_MARGIN_SECONDS } from '../api/index.ts';

export interface Budget {
  readonly graceSeconds: number;
  /** For people: "preStop 5 s + drain 25 s + margin 5 s". */
  readonly arithmetic: string;
}

/**
 * terminationGracePeriodSeconds >= hook + drain + margin: the kubelet takes the whole seconds of the preStop hooks off
 * the grace period before it sends SIGTERM (pkg/kubelet/kuberuntime killContainer). `atLeastSeconds` is a longer demand.
 */
export function terminationBudget(parts: {
  readonly hookSeconds: number;
  readonly drainSeconds: number;
  readonly atLeastSeconds?: number;
}): Budget {
  const { hookSeconds, drainSeconds, atLeastSeconds = 0 } = parts;
  const neededSeconds = Math.ceil(hookSeconds) + drainSeconds + GRACE_MARGIN_SECONDS;
  return atLeastSeconds > neededSeconds
    ? { graceSeconds: atLeastSeconds, arithmetic: `gracePeriodSeconds ${atLeastSeconds} s` }
    : {
        graceSeconds: neededSeconds,
        arithmetic: `preStop ${Math.ceil(hookSeconds)} s + drain ${drainSeconds} s + margin ${GRACE_MARGIN_SECONDS} s`,
      };
}
