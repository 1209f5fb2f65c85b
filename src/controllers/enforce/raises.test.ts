import { expect, test } from 'vitest';
import { raises } from './raises.ts';

const json = (value: unknown): string | null => (value === undefined ? null : JSON.stringify(value));
const container = 'spec.template.spec.containers[app]';
const rolling = 'spec.strategy.rollingUpdate';

test.each([
  ['a longer grace period', 'spec.template.spec.terminationGracePeriodSeconds', 30, 35, true],
  ['a shorter one', 'spec.template.spec.terminationGracePeriodSeconds', 70, 35, false],
  ['a hook where there was none', `${container}.lifecycle`, undefined, { preStop: { sleep: { seconds: 5 } } }, true],
  [
    'a hook that nothing asks for any more',
    `${container}.lifecycle`,
    { preStop: { sleep: { seconds: 5 } } },
    null,
    false,
  ],
  ['a longer sleep', `${container}.lifecycle.preStop`, { sleep: { seconds: 5 } }, { sleep: { seconds: 10 } }, true],
  [
    'a longer sleep, in its lifecycle',
    `${container}.lifecycle`,
    { preStop: { sleep: { seconds: 5 } } },
    { preStop: { sleep: { seconds: 9 } } },
    true,
  ],
  ['a shorter sleep', `${container}.lifecycle.preStop`, { sleep: { seconds: 10 } }, { sleep: { seconds: 5 } }, false],
  [
    'a lifecycle that loses its sleep',
    `${container}.lifecycle`,
    { preStop: { sleep: { seconds: 5 } }, postStart: {} },
    { postStart: {} },
    false,
  ],
  ['a probe where there was none', `${container}.readinessProbe`, undefined, { httpGet: { port: 1 } }, true],
  ['another probe', `${container}.readinessProbe`, { httpGet: { port: 1 } }, { httpGet: { port: 2 } }, true],
  ['fewer unavailable', `${rolling}.maxUnavailable`, '25%', 0, true],
  ['fewer unavailable, counted', `${rolling}.maxUnavailable`, 2, 1, true],
  ['more unavailable', `${rolling}.maxUnavailable`, 0, '25%', false],
  ['more surge', `${rolling}.maxSurge`, 0, 1, true],
  ['more surge, in percent', `${rolling}.maxSurge`, 2, '50%', true],
  ['less surge', `${rolling}.maxSurge`, '50%', 2, false],
  ['minReadySeconds', 'spec.minReadySeconds', 0, 3, true],
] as const)('%s', (_name, path, from, to, raised) => {
  expect(raises({ path, from: json(from), to: JSON.stringify(to) })).toBe(raised);
});
