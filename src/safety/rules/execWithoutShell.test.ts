import { withApp } from '../testing/manifests.ts';
import { testRule } from '../testing/ruleTable.ts';
import { execWithoutShell } from './execWithoutShell.ts';

const image = (image: string, ...command: string[]) =>
  withApp({ image, lifecycle: { preStop: { exec: { command } } } });
/** A hook that runs a program for 5 s, in a container with a volume. */
const mounted = (program: string, mountPath: string, ...env: object[]) =>
  withApp({
    image: 'gcr.io/distroless/base',
    volumeMounts: [{ name: 'tools', mountPath }],
    env,
    lifecycle: { preStop: { exec: { command: program.endsWith('sh') ? [program, '-c', 'sleep 5'] : [program, '5'] } } },
  });

testRule(execWithoutShell, {
  says: [
    [
      'distroless with a shell command',
      [image('gcr.io/distroless/java21-debian12', 'sh', '-c', 'sleep 5')],
      {
        message: 'preStop runs sh, which a distroless image lacks',
        field: 'spec.template.spec.containers[app].lifecycle.preStop.exec',
        fixed: true,
      },
    ],
    [
      'by its tag',
      [image('envoyproxy/envoy:distroless-v1.35', '/bin/sleep', '5')],
      { message: 'runs sleep', fixed: true },
    ],
    [
      'by the end of its name',
      [image('example.com/envoy-distroless:1', 'sleep', '5')],
      { message: 'sleep', fixed: true },
    ],
    ['at a port of a registry', [image('localhost:5000/distroless/base', 'sleep', '5')], { message: 'sleep' }],
    [
      'scratch',
      [image('example.com/web:1-scratch', 'bash', '-c', 'sleep 5')],
      { message: 'a scratch image', fixed: true },
    ],
    [
      'more than a sleep',
      [image('gcr.io/distroless/base', 'sh', '-c', 'sleep 5; curl localhost/quit')],
      { message: 'runs sh', fixed: false },
    ],
    [
      'a sleep longer than the grace period',
      [image('gcr.io/distroless/base', 'sleep', '60')],
      { message: 'runs sleep', fixed: true },
    ],
    ['a volume elsewhere', [mounted('sleep', '/data')], { message: 'runs sleep', fixed: true }],
    ['a volume beside the directory', [mounted('/bin/sleep', '/bin2')], { message: 'runs sleep', fixed: true }],
    [
      'a volume that PATH does not name',
      [mounted('sleep', '/bin', { name: 'PATH', value: '/usr/bin' })],
      { message: 'runs sleep', fixed: true },
    ],
    ['a sleep of 0', [image('gcr.io/distroless/base', 'sleep', '0')], { message: 'runs sleep', fixed: false }],
  ],
  silent: [
    ['a volume over /bin', [mounted('sleep', '/bin')]],
    ['a volume with the program alone', [mounted('/bin/sleep', '/bin/sleep')]],
    ['a volume with tools', [mounted('/tools/busybox', '/tools/')]],
    ['a volume over everything', [mounted('sh', '/')]],
    ['a volume in a PATH of the manifest', [mounted('sleep', '/tools', { name: 'PATH', value: '/bin:/tools/bin' })]],
    ['a volume and a PATH from elsewhere', [mounted('sleep', '/tools', { name: 'PATH', valueFrom: {} })]],
    ['another image', [image('example.com/web:1', 'sh', '-c', 'sleep 5')]],
    ['a debug variant', [image('gcr.io/distroless/base:debug', 'sh', '-c', 'sleep 5')]],
    ['a debug variant of a user', [image('gcr.io/distroless/base:debug-nonroot', 'sleep', '5')]],
    ['a program of its own', [image('gcr.io/distroless/base', '/app/drain')]],
    ['a native sleep', [withApp({ image: 'gcr.io/distroless/base' })]],
    ['a name that only contains the word', [image('example.com/nodistrolessness:1', 'sleep', '5')]],
    ['an empty command', [image('gcr.io/distroless/base')]],
  ],
});
