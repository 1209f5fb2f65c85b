import { matchesServiceSelector } from '../api/labelSelector.ts';
import { labelsToRemove } from './isolation.ts';
import { isHandedOver, lastEndpointOf, lastOnNodeOf } from './stepFacts.ts';
import type { GateStep, Observation } from './types.ts';

/** Out of every Service that selects the pod by the labels that it has now. */
export function isolate(observation: Observation): Extract<GateStep, { do: 'Isolate' }> {
  const { pod, services, selectedOn } = observation;
  const { labels, collateral } = labelsToRemove(pod.metadata.labels ?? {}, services, selectedOn);
  return { do: 'Isolate', labels, handOver: !isHandedOver(observation), collateral };
}

/**
 * A Service that selects an isolated pod (it is new, its selector was changed, or somebody gave the label back) makes an endpoint of it
 * again, so the pod is isolated again; where the Service has no other ready endpoint yet, once it has. Undefined: none does.
 * @param leftMs until the pod is let go whatever holds
 */
export function isolateAgain(observation: Observation, leftMs: number): GateStep | undefined {
  const labels = observation.pod.metadata.labels ?? {};
  const services = observation.services.filter(({ selector }) => matchesServiceSelector(selector, labels));
  if (services.length === 0) return undefined;
  const last = lastEndpointOf({ ...observation, services });
  const lastHere = last ?? lastOnNodeOf({ ...observation, services });
  if (lastHere === undefined) return { ...isolate(observation), handOver: false };
  const where = last === undefined ? ' on its node' : '';
  const reason = `Service ${lastHere.name} selects the isolated pod again and has no other ready endpoint${where}`;
  return { do: 'Wait', reason, forMs: leftMs };
}
