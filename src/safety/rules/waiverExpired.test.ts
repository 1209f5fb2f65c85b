import { deployment, type Manifest } from '../testing/manifests.ts';
import { testRule } from '../testing/ruleTable.ts';
import { waiverExpired } from './waiverExpired.ts';

const waiving = (text: string): Manifest => ({
  ...deployment(),
  metadata: { namespace: 'shop', name: 'web', annotations: { 'graceful-rollout.io/waive': text } },
});

testRule(waiverExpired, {
  says: [
    [
      'yesterday',
      [waiving('GR304 why until=2026-11-21')],
      {
        message: 'waiver of GR304 ended on 2026-11-21, 1 day ago',
        field: 'metadata.annotations[graceful-rollout.io/waive]',
        fixed: false,
      },
    ],
    ['last year', [waiving('GR304 why until=2025-11-22')], { message: '365 days ago' }],
  ],
  silent: [
    ['today is its last day', [waiving('GR304 why until=2026-11-22')]],
    ['malformed', [waiving('GR304 until=2025-11-22')]],
    ['none', [deployment()]],
  ],
});
