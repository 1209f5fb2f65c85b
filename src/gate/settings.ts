import { DEFAULT_ENDPOINT_CHECK_TIMEOUT_SECONDS, type GracefulRolloutSpec } from '../api/index.ts';
import type { GateSettings } from './types.ts';

/** What holds where nothing was written; and for a drain under way whose GracefulRollout was deleted. */
export const DEFAULT_GATE_SETTINGS: GateSettings = {
  mode: 'Gate',
  timeoutSeconds: DEFAULT_ENDPOINT_CHECK_TIMEOUT_SECONDS,
};

/**
 * What a GracefulRollout asks of the gate. `spec.mode: Audit` promises that nothing is changed, and taking a pod out of its
 * Services is a change: mode Gate is then Observe.
 */
export function gateSettingsOf(spec: Pick<GracefulRolloutSpec, 'mode' | 'endpointCheck' | 'eviction'>): GateSettings {
  const { mode, timeoutSeconds, quietSeconds, drained } = spec.endpointCheck;
  const { minReady, replacementTimeoutSeconds } = spec.eviction ?? {};
  return {
    mode: spec.mode === 'Audit' && mode === 'Gate' ? 'Observe' : mode,
    timeoutSeconds,
    ...(quietSeconds === undefined ? {} : { quietSeconds }),
    ...(drained === undefined ? {} : { drained }),
    ...(minReady === undefined ? {} : { minReady }),
    ...(replacementTimeoutSeconds === undefined ? {} : { replacementTimeoutSeconds }),
  };
}
