import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { exemptUsers } from '../../src/gate/admit.ts';

const ACCOUNT = 'system:serviceaccount:kube-system:';

/** The names between quotation marks of one kind. */
function namesIn(text: string, quote: string): string[] {
  return Array.from(text.matchAll(new RegExp(`${quote}([a-z-]+)${quote}`, 'g')), ([, name = '']) => name);
}

const inCode = [...exemptUsers].flatMap((user) => (user.startsWith(ACCOUNT) ? [user.slice(ACCOUNT.length)] : []));

test('the chart sends no delete of a controller that the gate exempts, nor of the ReplicaSet controller to the webhook for people', () => {
  const chart = readFileSync('charts/graceful-rollout/templates/gate.yaml', 'utf8');
  const [, names = ''] = /in \[([^\]]*)\]\.map\(name/.exec(chart) ?? [];
  expect(new Set(namesIn(names, "'"))).toEqual(new Set([...inCode, 'replicaset-controller']));
});

test('the documentation names the controllers that the gate exempts', () => {
  const rows = readFileSync('docs/gate.md', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith(`| \`${ACCOUNT}\` `));
  expect(new Set(namesIn(rows.join('\n'), '`'))).toEqual(new Set(inCode));
});
