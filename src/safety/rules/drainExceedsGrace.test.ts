import { gracefulRollout, service, withApp } from '../testing/manifests.ts';
import { testRule } from '../testing/ruleTable.ts';
import { drainExceedsGrace } from './drainExceedsGrace.ts';

testRule(drainExceedsGrace, {
  says: [
    [
      'gunicorn',
      [withApp({ args: ['gunicorn', '--graceful-timeout', '26'] })],
      {
        message: 'preStop 5 s + drain 26 s (--graceful-timeout) = 31 s, grace is 30 s',
        field: 'spec.template.spec.terminationGracePeriodSeconds',
        fixed: true,
      },
    ],
    [
      'uvicorn, without a hook',
      [withApp({ command: ['uvicorn', '--timeout-graceful-shutdown=60'], lifecycle: undefined })],
      { message: 'preStop 0 s + drain 60 s', fixed: true },
    ],
    [
      'Spring',
      [withApp({ env: [{ name: 'SPRING_LIFECYCLE_TIMEOUT_PER_SHUTDOWN_PHASE', value: '1m' }] })],
      { message: 'drain 60 s', fixed: true },
    ],
    [
      '.NET',
      [
        withApp(
          { env: [{ name: 'DOTNET_SHUTDOWNTIMEOUTSECONDS', value: '30' }] },
          { terminationGracePeriodSeconds: 34 },
        ),
      ],
      { message: '= 35 s, grace is 34 s', fixed: true },
    ],
    [
      'a GracefulRollout that only audits',
      [withApp({}), service(), gracefulRollout({ mode: 'Audit', termination: { drainSeconds: 60 } })],
      { message: 'drain 60 s (GracefulRollout web) = 65 s', fixed: true },
    ],
    [
      'a GracefulRollout that only audits and says nothing of the drain: what the application says',
      [withApp({ args: ['--graceful-timeout', '60'] }), service(), gracefulRollout({ mode: 'Audit' })],
      { message: 'drain 60 s (--graceful-timeout) = 65 s', fixed: true },
    ],
  ],
  silent: [
    [
      'the default drain, which nobody wrote',
      [withApp({ lifecycle: { preStop: { sleep: { seconds: 10 } } } }), service(), gracefulRollout({ mode: 'Audit' })],
    ],
    ['just fits', [withApp({ args: ['gunicorn', '--graceful-timeout', '25'] })]],
    ['nothing is declared', [withApp({})]],
    ['an option without a number', [withApp({ args: ['--graceful-timeout'] })]],
    ['a number that is none', [withApp({ args: ['--graceful-timeout', '$(TIMEOUT)'] })]],
    ['an environment from elsewhere', [withApp({ env: [{ name: 'DOTNET_SHUTDOWNTIMEOUTSECONDS', valueFrom: {} }] })]],
    [
      'a hook that takes all of it',
      [withApp({ args: ['--graceful-timeout', '25'], lifecycle: { preStop: { sleep: { seconds: 30 } } } })],
    ],
    [
      'the operator makes room for it',
      [withApp({}), service(), gracefulRollout({ termination: { drainSeconds: 60 } })],
    ],
    [
      'the GracefulRollout has the last word',
      [
        withApp({ args: ['--graceful-timeout', '60'] }),
        service(),
        gracefulRollout({ mode: 'Audit', termination: { drainSeconds: 20 } }),
      ],
    ],
  ],
});
