/**
 * `npm run e2e`: every cluster case once, on Kubernetes 1.37. `--full`: the loss cases three times in a row, then
 * kube-proxy in iptables mode, and Kubernetes 1.36 and 1.35, each with the API-level tests. `--smoke`: one rollout only.
 */
import { parseArgs } from 'node:util';
import { close, runSuite, type SuiteResult } from '../scripts/suite.ts';
import { defaultKubernetes, testedKubernetes } from './cluster/kubernetesVersions.ts';

const { values } = parseArgs({
  options: {
    full: { type: 'boolean', default: false },
    smoke: { type: 'boolean', default: false },
    kubernetes: { type: 'string', default: defaultKubernetes },
    'proxy-mode': { type: 'string', default: 'nftables' },
  },
});

const environment = (kubernetes: string, proxyMode: string): Record<string, string> => ({
  KUBERNETES_VERSION: kubernetes,
  KUBE_PROXY_MODE: proxyMode,
});
const cases = (title: string, kubernetes: string, proxyMode: string, files: readonly string[] = []) =>
  runSuite({
    title: `${title}: Kubernetes ${kubernetes}, kube-proxy ${proxyMode}`,
    args: ['--project', 'cluster', ...files],
    env: environment(kubernetes, proxyMode),
  });
const loss = ['e2e/cases/servers.e2e.ts'];
/** `rollout` is one row of `servers`: it has its place in `npm test` and in the smoke run. */
const all = [...loss, 'e2e/cases/installation.e2e.ts', 'e2e/cases/clusterLifecycle.e2e.ts'];

const results: SuiteResult[] = [];
const { kubernetes, 'proxy-mode': proxyMode } = values;
if (values.smoke) {
  results.push(await cases('smoke run', kubernetes, proxyMode, ['e2e/cases/rollout.e2e.ts']));
} else if (values.full) {
  for (const run of [1, 2, 3]) results.push(await cases(`loss, run ${run} of 3`, defaultKubernetes, 'nftables', loss));
  results.push(
    await cases('every other case', defaultKubernetes, 'nftables', [
      'e2e/cases/installation.e2e.ts',
      'e2e/cases/clusterLifecycle.e2e.ts',
    ]),
  );
  results.push(await cases('loss', defaultKubernetes, 'iptables', loss));
  for (const version of testedKubernetes.slice(1)) {
    const api = {
      title: `real API server ${version}`,
      args: ['--project', 'api'],
      env: environment(version, 'nftables'),
    };
    results.push(await runSuite(api));
    results.push(await cases('every case', version, 'nftables', all));
  }
} else {
  results.push(await cases('every case', kubernetes, proxyMode, all));
}
close(results);
