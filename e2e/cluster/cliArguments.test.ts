import { expect, test } from 'vitest';
import { type ClusterCommand, parseArguments, UsageError } from './cliArguments.ts';

const understood: [string, ClusterCommand][] = [
  ['', { kind: 'help' }],
  ['--help', { kind: 'help' }],
  ['up', { kind: 'up', options: {} }],
  [
    'up --nodes 3 --kubernetes 1.36 --name other --proxy-mode iptables',
    { kind: 'up', options: { nodes: 3, kubernetes: '1.36.3', name: 'other', proxyMode: 'iptables' } },
  ],
  ['--name other up --nodes=1', { kind: 'up', options: { name: 'other', nodes: 1 } }],
  ['up --control-plane-only --provider kind', { kind: 'up', options: { controlPlaneOnly: true, provider: 'kind' } }],
  ['down', { kind: 'down', all: false }],
  ['down --all', { kind: 'down', all: true }],
  ['down --name x', { kind: 'down', all: false, name: 'x' }],
  ['status', { kind: 'status' }],
  ['kubeconfig --name x', { kind: 'kubeconfig', name: 'x' }],
  ['kubectl get pods --name x', { kind: 'tool', tool: 'kubectl', args: ['get', 'pods', '--name', 'x'] }],
  ['--name x helm4 list -A', { kind: 'tool', tool: 'helm4', name: 'x', args: ['list', '-A'] }],
  ['load-image a.tar b.tar', { kind: 'load-image', archives: ['a.tar', 'b.tar'] }],
  ['exec node-1 -- ip addr', { kind: 'exec', place: 'node-1', argv: ['ip', 'addr'] }],
  ['exec client curl --name x', { kind: 'exec', place: 'client', argv: ['curl', '--name', 'x'] }],
  ['logs', { kind: 'logs' }],
  ['logs node-1/kubelet', { kind: 'logs', component: 'node-1/kubelet' }],
];

test.each(understood)('"%s"', (line, command) => {
  expect(parseArguments(line.split(' ').filter((word) => word !== ''))).toEqual(command);
});

test.each([
  ['start', 'there is no command start'],
  ['up --nodes 0', '--nodes is a number from 1 to 8, not "0"'],
  ['up --nodes', '--nodes wants a value'],
  ['up --proxy-mode ipvs', '--proxy-mode is nftables or iptables, not "ipvs"'],
  ['up --provider minikube', '--provider is local or kind, not "minikube"'],
  ['up --kubernetes 2.0', 'known to work: 1.37.2, 1.36.3, 1.35.4'],
  ['down --name ../x', '"../x" is not a cluster name'],
  ['up --force', '--force does not belong here'],
  ['up now', 'what is meant by "now"?'],
  ['exec node-1', 'exec wants a place and a command'],
  ['exec node-1 --', 'exec wants a place and a command'],
  ['load-image', 'load-image wants the path'],
  ['--name', '--name wants a value'],
])('"%s" is refused', (line, message) => {
  const parse = (): unknown => parseArguments(line.split(' '));
  expect(parse).toThrow(UsageError);
  expect(parse).toThrow(message);
  expect(parse).toThrow('Usage: npm run cluster');
});
