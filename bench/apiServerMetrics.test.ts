import { describe, expect, it } from 'vitest';
import { difference, parseSamples } from './apiServerMetrics.ts';

describe('parseSamples', () => {
  it('reads names, labels and values, and leaves out what is not wanted', () => {
    const page = [
      '# HELP a_total text',
      '# TYPE a_total counter',
      String.raw`a_total{verb="DELETE",resource="pods",text="a \"b\", c"} 3`,
      'a_total 1e+06',
      'b_total{x="y"} 4',
    ].join('\n');
    expect(parseSamples(page, ['a_total'])).toEqual([
      { name: 'a_total', labels: { verb: 'DELETE', resource: 'pods', text: String.raw`a \"b\", c` }, value: 3 },
      { name: 'a_total', labels: {}, value: 1_000_000 },
    ]);
  });
});

describe('difference', () => {
  it('keeps what grew', () => {
    const before = { requests: new Map([['GET pods 200', 2]]), webhooks: new Map([['w', { calls: 1, held: 0 }]]) };
    const after = {
      requests: new Map([
        ['GET pods 200', 2],
        ['DELETE pods 404', 3],
      ]),
      webhooks: new Map([['w', { calls: 5, held: 1 }]]),
    };
    const grown = difference(before, after);
    expect([...grown.requests]).toEqual([['DELETE pods 404', 3]]);
    expect([...grown.webhooks]).toEqual([['w', { calls: 4, held: 1 }]]);
  });
});
