import { gracefulRollout, service, withApp } from '../testing/manifests.ts';
import { testRule } from '../testing/ruleTable.ts';
import { abruptStop } from './abruptStop.ts';

const image = (image: string) => withApp({ image, lifecycle: undefined });
const quit = (script: string) => ({ lifecycle: { preStop: { exec: { command: ['sh', '-c', script] } } } });

testRule(abruptStop, {
  says: [
    [
      'nginx',
      [image('nginx:1.29'), service()],
      {
        message: 'nginx stops listening on its stop signal while Services still send',
        field: 'spec.template.spec.containers[app].lifecycle.preStop',
        fixed: true,
      },
    ],
    [
      'of a registry, by digest',
      [image('docker.io/library/nginx@sha256:00'), service()],
      { message: 'nginx', fixed: true },
    ],
    ['httpd', [image('httpd'), service()], { message: 'httpd' }],
    ['lighttpd', [image('sebp/lighttpd:1.4'), service()], { message: 'lighttpd stops', level: 'strict', fixed: true }],
    ['php-fpm', [image('php:8.4-fpm-alpine'), service()], { message: 'php-fpm stops', level: 'strict', fixed: true }],
    [
      'a sleep of 0',
      [withApp({ image: 'haproxy', lifecycle: { preStop: { sleep: { seconds: 0 } } } }), service()],
      { message: 'haproxy', fixed: true },
    ],
    [
      'a hook that closes the sockets even sooner',
      [withApp({ image: 'nginx:1.29', ...quit('nginx -s quit; sleep 20') }), service()],
      { message: 'container app: preStop runs nginx -s quit at once, while Services still send', fixed: false },
    ],
    [
      'such a hook without a shell, of a server that a script starts',
      [
        withApp({
          image: 'nginx',
          command: ['sh', '-c', 'trap "" HUP; nginx'],
          lifecycle: { preStop: { exec: { command: ['/usr/sbin/nginx', '-s', 'stop'] } } },
        }),
        service(),
      ],
      { message: 'preStop runs nginx -s stop at once', fixed: false },
    ],
    [
      'a shell that starts it',
      [withApp({ image: 'nginx', command: ['sh', '-c', 'nginx -g "daemon off;"'], lifecycle: undefined }), service()],
      { message: 'nginx stops', fixed: true },
    ],
    [
      'an init before it',
      [withApp({ image: 'nginx', command: ['tini', '--', '/usr/sbin/nginx'], lifecycle: undefined }), service()],
      { message: 'nginx stops', fixed: true },
    ],
    [
      'a program of another name, of which nobody knows',
      [withApp({ image: 'nginx', command: ['/scripts/start'], lifecycle: undefined }), service()],
      { message: 'nginx stops', level: 'strict', fixed: true },
    ],
    [
      'a grace period that is too short for it',
      [withApp({ image: 'nginx', lifecycle: undefined }, { terminationGracePeriodSeconds: 5 }), service()],
      { message: 'nginx', fixed: true },
    ],
  ],
  silent: [
    ['a hook', [withApp({ image: 'nginx:1.29' }), service()]],
    [
      'a hook that nobody knows',
      [withApp({ image: 'nginx', lifecycle: { preStop: { exec: { command: ['/quit'] } } } }), service()],
    ],
    ['a sleep before the stop', [withApp({ image: 'nginx', ...quit('sleep 5; nginx -s quit') }), service()]],
    [
      'a script that traps the signal',
      [
        withApp({
          image: 'nginx',
          command: ['sh', '-c', 'trap "sleep 5; nginx -s quit" TERM; nginx; wait'],
          lifecycle: undefined,
        }),
        service(),
      ],
    ],
    [
      'a script for the entrypoint that traps the signal',
      [
        withApp({ image: 'nginx', args: ['sh', '-c', 'trap stop TERM; nginx & wait'], lifecycle: undefined }),
        service(),
      ],
    ],
    ['another image with such a hook, which is GR201', [withApp(quit('nginx -s quit')), service()]],
    ['PHP with another server', [image('php:8.4-cli'), service()]],
    ['another image', [image('ingress-nginx/controller:v1.13'), service()]],
    ['no Service', [image('nginx')]],
    ['Services are not known', [image('nginx')], { unknown: ['Service'] }],
    ['a headless Service', [image('nginx'), service({ clusterIP: 'None' })]],
    ['the operator sees to it', [image('nginx'), service(), gracefulRollout()]],
  ],
});
