import { describe, expect, it } from 'vitest';
import { parseLossArguments } from './lossArguments.ts';

describe('arguments of the demo and the loss bench', () => {
  it('are all optional, and what is absent leaves the default to the measurement', () => {
    expect(parseLossArguments([])).toEqual({ cluster: {}, json: false, help: false });
  });

  it('narrow the measurement', () => {
    const args = [
      '--server',
      'nginx',
      '--server',
      'abrupt',
      '--mode',
      'keep-alive',
      '--rate',
      '200',
      '--requests',
      '5000',
    ];
    expect(
      parseLossArguments([
        ...args,
        '--rollouts',
        '3',
        '--kubernetes',
        '1.36',
        '--proxy-mode',
        'iptables',
        '--name',
        'mine',
        '--output',
        'x',
        '--json',
      ]),
    ).toEqual({
      servers: ['nginx', 'abrupt'],
      modes: ['keep-alive'],
      ratePerSecond: 200,
      minimumRequests: 5000,
      rollouts: 3,
      cluster: { name: 'mine', kubernetes: '1.36', proxyMode: 'iptables' },
      output: 'x',
      json: true,
      help: false,
    });
  });

  it.each([
    [['--server', 'apache'], '--server apache: not one of abrupt, draining, nginx'],
    [['--mode', 'http2'], '--mode http2: not one of new-connection, keep-alive'],
    [['--rate', '0'], '--rate 0: not a whole number above 0'],
    [['--requests', 'many'], '--requests many: not a whole number above 0'],
    [['--proxy-mode', 'ipvs'], '--proxy-mode ipvs: not one of iptables, nftables'],
    [['--fast'], '--fast'],
  ])('%j is refused with a reason', (args, message) => {
    expect(() => parseLossArguments(args)).toThrow(message);
  });
});
