import { expect, it } from 'vitest';
import { sumUntranslated, untranslatedRules } from './untranslated.ts';

/** As nft 1.0.6 prints it. */
const listed = (...elements: readonly (readonly [string, number])[]): string => {
  const elem = elements.map(([val, packets]) => ({ elem: { val, counter: { packets, bytes: 60 * packets } } }));
  const set = { family: 'ip', name: 'untranslated', table: 'graceful-rollout-rig', type: 'ipv4_addr', handle: 2 };
  return JSON.stringify({
    nftables: [{ metainfo: { version: '1.0.6' } }, { set: elem.length === 0 ? set : { ...set, elem } }],
  });
};

it('sums the nodes, address by address', () => {
  const sums = sumUntranslated([listed(['10.200.32.8', 1], ['10.200.32.9', 2]), listed(['10.200.32.9', 3]), listed()]);
  expect([...sums]).toEqual([
    ['10.200.32.8', 1],
    ['10.200.32.9', 5],
  ]);
});

it('counts before kube-proxy rejects, and only what still has a Service address', () => {
  expect(untranslatedRules('10.200.32.0/20')).toContain('hook forward priority -300');
  expect(untranslatedRules('10.200.32.0/20')).toContain('ct state new ip daddr 10.200.32.0/20 update @untranslated');
});
