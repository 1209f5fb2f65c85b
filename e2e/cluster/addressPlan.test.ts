import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { maximumNodes, planAddresses, slots } from './addressPlan.ts';

/** First and last address of a CIDR as numbers. */
function range(cidr: string): [number, number] {
  const [address = '', bits = '32'] = cidr.split('/');
  const first = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  return [first, first + 2 ** (32 - Number(bits)) - 1];
}

function contains(outer: string, inner: string): boolean {
  const [outerFirst, outerLast] = range(outer);
  const [first, last] = range(inner);
  return outerFirst <= first && last <= outerLast;
}

function overlap(one: string, other: string): boolean {
  const [oneFirst, oneLast] = range(one);
  const [first, last] = range(other);
  return oneFirst <= last && first <= oneLast;
}

const anyPlan = fc
  .tuple(fc.integer({ min: 0, max: slots - 1 }), fc.integer({ min: 0, max: maximumNodes }))
  .map(([slot, nodes]) => ({ slot, plan: planAddresses('some-name', slot, nodes) }));

test('no two ranges of a cluster overlap, and all lie in the /16 of its slot', () => {
  fc.assert(
    fc.property(anyPlan, ({ slot, plan }) => {
      const parts = [
        `${plan.controlPlaneAddress}/24`.replace('.2/', '.0/'),
        plan.serviceCidr,
        ...plan.nodes.flatMap((node) => [node.podSubnet, node.clientSubnet]),
      ];
      expect(plan.range).toBe(`10.${200 + slot}.0.0/16`);
      for (const [at, one] of parts.entries()) {
        expect(contains(plan.range, one), one).toBe(true);
        for (const other of parts.slice(at + 1)) expect(overlap(one, other), `${one} ${other}`).toBe(false);
      }
    }),
  );
});

test('kube-proxy takes pods and clients for local, and masquerades nodes and the control plane', () => {
  fc.assert(
    fc.property(anyPlan, ({ plan }) => {
      for (const node of plan.nodes) {
        expect(contains(plan.clusterCidr, node.podSubnet)).toBe(true);
        expect(contains(plan.podCidr, node.podSubnet)).toBe(true);
        expect(contains(plan.clusterCidr, node.clientSubnet)).toBe(true);
        expect(contains(plan.podCidr, node.clientSubnet)).toBe(false);
        expect(contains(plan.clusterCidr, `${node.address}/32`)).toBe(false);
      }
      expect(contains(plan.clusterCidr, `${plan.controlPlaneAddress}/32`)).toBe(false);
      expect(contains(plan.serviceCidr, `${plan.apiServiceAddress}/32`)).toBe(true);
    }),
  );
});

test('clients have at least 8 sources, and neighbours enter by different nodes', () => {
  const plan = planAddresses('x', 0, 2);
  expect(plan.clientSources).toHaveLength(16);
  expect(new Set(plan.clientSources).size).toBe(16);
  const entry = plan.clientSources.map(
    (source) => plan.nodes.find((node) => contains(node.clientSubnet, `${source}/32`))?.name,
  );
  expect(entry).toEqual(Array.from({ length: 8 }, () => ['node-1', 'node-2']).flat());
  expect(planAddresses('x', 0, 1).clientSources).toHaveLength(8);
});

test.each(['', 'Upper', '-dash', 'dash-', '1digit', 'a/b', '..', 'x'.repeat(33)])('"%s" is no cluster name', (name) => {
  expect(() => planAddresses(name, 0, 2)).toThrow('is not a cluster name');
});

test('refuses slots and node counts that do not exist', () => {
  expect(() => planAddresses('x', slots, 2)).toThrow('no slot');
  expect(() => planAddresses('x', 0, maximumNodes + 1)).toThrow('1 to 8 nodes');
});
