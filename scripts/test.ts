import { spawnSync } from 'node:child_process';
import { close, runSuite } from './suite.ts';

/** `npm test`: what needs no nodes (pure, real API server), then one real rollout under load on the real cluster. */
const prepared = spawnSync(process.execPath, ['e2e/prepare.ts'], { stdio: 'inherit' });
if (prepared.status !== 0) {
  process.exit(1);
}
const pure = await runSuite({ title: 'pure', args: ['--project', 'unit'] });
const api = await runSuite({ title: 'real etcd and kube-apiserver', args: ['--project', 'api'] });
const rollout = await runSuite({
  title: 'one rollout under load on the real cluster',
  args: ['--project', 'cluster', 'e2e/cases/rollout.e2e.ts'],
});
close([pure, api, rollout]);
