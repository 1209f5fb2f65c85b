import { expect, it } from 'vitest';
import type { EndpointSlice } from '../../src/kube/index.ts';
import { ReadyMinimum } from './readyEndpoints.ts';

function slice(name: string, ready: readonly (boolean | undefined)[]): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, namespace: 'x', labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    endpoints: ready.map((value) => ({
      addresses: ['10.0.0.1'],
      ...(value === undefined ? {} : { conditions: { ready: value } }),
    })),
  };
}

it('the fewest ready endpoints of a Service, over all its slices and every state', () => {
  const minimum = new ReadyMinimum();
  expect(minimum.of('web')).toBe(0);
  minimum.note(slice('web-a', [true, undefined, false]));
  expect(minimum.of('web')).toBe(2);
  minimum.note(slice('web-b', [true, true]));
  minimum.note(slice('web-a', [false, false, false]));
  expect(minimum.of('web')).toBe(2);
  minimum.drop(slice('web-b', []));
  expect(minimum.of('web')).toBe(0);
  minimum.note(slice('web-a', [true, true, true]));
  expect(minimum.of('web'), 'a minimum does not rise again').toBe(0);
  expect(minimum.of('other')).toBe(0);
});
