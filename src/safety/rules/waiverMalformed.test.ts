import { deployment, type Manifest } from '../testing/manifests.ts';
import { testRule } from '../testing/ruleTable.ts';
import { waiverMalformed } from './waiverMalformed.ts';

const waiving = (text: string): Manifest => ({
  ...deployment(),
  metadata: { namespace: 'shop', name: 'web', annotations: { 'graceful-rollout.io/waive': text } },
});

testRule(waiverMalformed, {
  says: [
    [
      'no last day',
      [waiving('GR304 why')],
      {
        message: 'waiver "GR304 why" is not in force: it names no last day',
        field: 'metadata.annotations[graceful-rollout.io/waive]',
        fixed: false,
      },
    ],
    ['no reason', [waiving('GR304 until=2027-01-31')], { message: 'it gives no reason' }],
    ['no such rule', [waiving('GR999 why until=2027-01-31')], { message: 'GR999 is no rule' }],
    [
      'a rule that cannot be waived',
      [waiving('GR902 why until=2027-01-31')],
      { message: 'GR902 is no rule that can be waived' },
    ],
    ['no such day', [waiving('GR304 why until=2027-02-31')], { message: '2027-02-31 is no day' }],
    ['a month', [waiving('GR304 why until=2027-02')], { message: '2027-02 is no day' }],
    ['two last days', [waiving('GR304 why until=2027-01-01 until=2028-01-01')], { message: 'several last days' }],
    ['one of two', [waiving('GR304 why until=2027-01-01; GR501')], { message: 'waiver "GR501"' }],
    ['what is no code', [waiving('all')], { message: 'all is no rule' }],
  ],
  silent: [
    ['complete', [waiving('GR304 one is enough until=2027-01-31; GR501 why until=2027-01-31;')]],
    ['on lines', [waiving('GR304 one is enough until=2027-01-31\nGR501 why until=2027-01-31\n')]],
    ['empty', [waiving('')]],
    ['none', [deployment()]],
  ],
});
