import { expect, test } from 'vitest';
import { slots } from './addressPlan.ts';
import { routedSlots } from './clusterState.ts';

const head = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n';

/** A line of /proc/net/route. */
function route(destination: string, mask: string): string {
  return `eth0\t${destination}\t00000000\t0001\t0\t0\t0\t${mask}\t0\t0\t0\n`;
}

test('a default route and networks elsewhere take no slot', () => {
  const routes = head + route('00000000', '00000000') + route('000200C0', '00FFFFFF') + route('0000000A', '0000FFFF');
  expect([...routedSlots(routes)]).toEqual([]);
});

test('a network inside the /16 of a slot takes that slot', () => {
  // 10.201.7.0/24 and 10.215.0.0/16
  expect([...routedSlots(head + route('0007C90A', '00FFFFFF') + route('0000D70A', '0000FFFF'))]).toEqual([1, 15]);
});

test('a network around them takes all', () => {
  // 10.0.0.0/8
  expect(routedSlots(head + route('0000000A', '000000FF')).size).toBe(slots);
});
