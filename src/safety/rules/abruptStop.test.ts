import { gracefulRollout, service, withApp } from '../testing/manifests.ts';
import { testRule } from '../testing/ruleTable.ts';
import { abruptStop } from './abruptStop.ts';

const image = (image: string) => withApp({ image, lifecycle: undefined });

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
    ['PHP with another server', [image('php:8.4-cli'), service()]],
    ['another image', [image('ingress-nginx/controller:v1.13'), service()]],
    ['no Service', [image('nginx')]],
    ['Services are not known', [image('nginx')], { unknown: ['Service'] }],
    ['a headless Service', [image('nginx'), service({ clusterIP: 'None' })]],
    ['the operator sees to it', [image('nginx'), service(), gracefulRollout()]],
  ],
});
