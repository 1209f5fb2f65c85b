import { GRACE_MARGIN_SECONDS } from '../../api/index.ts';
import { drainOf, type Facts, type RunningContainer, sleepOf } from '../facts.ts';
import { imageName, imageOf } from '../image.ts';
import { SERVERS } from '../kinds.ts';
import { containerField, rawAt, sleepEdit } from '../paths.ts';
import { member, text } from '../read.ts';
import { defineRule, short } from '../rule.ts';
import type { Workload } from '../types.ts';

/** Proxies through which an application talks, and that end when they get SIGTERM unless they are told otherwise. */
const proxies = new Set([
  'cloud-sql-proxy',
  'gce-proxy',
  'alloydb-auth-proxy',
  'pgbouncer',
  'envoy',
  'oauth2-proxy',
  'kube-rbac-proxy',
  'nginx',
  'haproxy',
  'toxiproxy',
  'twemproxy',
]);
/** pilot-agent ends its Envoy so long after SIGTERM (terminationDrainDuration of Istio's ProxyConfig). */
const istioDrainSeconds = 5;
/** Options by which some of them stay. */
const stays = /^--?(max-sigterm-delay|term_timeout|drain-time-s)(=|$)/;

export const sidecarStopsFirst = defineRule(
  {
    code: 'GR208',
    name: 'sidecar-stops-first',
    title: 'A proxy beside the application stops before it',
    level: 'strict',
    severity: 'warning',
    since: 'v1',
    hasFix: true,
    appliesTo: SERVERS,
    why: 'The kubelet stops all regular containers of a pod at the same time: while the preStop hook of one, or a drain that it declares (see GR203), lets it serve on, one without a hook has got SIGTERM already (pkg/kubelet/kuberuntime killContainersWithSyncResult). An application that talks through a proxy beside it then answers its last requests with errors. Native sidecars (init containers with restartPolicy Always, KEP-753) are stopped after the regular containers. The proxy of Linkerd refuses new requests as soon as it gets SIGTERM ("Graceful Pod Shutdown" in its documentation), that of Istio ends after 5 s unless terminationDrainDuration or EXIT_ON_ZERO_ACTIVE_CONNECTIONS say otherwise.',
    example: `apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - name: app
          image: example.com/web:1.2.3
          lifecycle: { preStop: { sleep: { seconds: 10 } } }
        - name: database
          image: gcr.io/cloud-sql-connectors/cloud-sql-proxy:2.18.2
`,
    fixText:
      "Make the proxy a native sidecar (move it to initContainers with restartPolicy: Always), or give it a preStop sleep that is as long as the application's preStop and declared drain; the fix writes the sleep.",
  },
  ({ workload, facts }) => {
    if (facts.enforced) return [];
    const longest = facts.running
      .filter(({ init }) => !init)
      .map((running) => ({ running, ...servesOn(running, facts) }))
      .toSorted((a, b) => b.seconds - a.seconds)
      .at(0);
    if (longest === undefined || longest.seconds === 0 || longest.seconds > facts.graceSeconds) return [];
    const { running: application, seconds, by } = longest;
    return facts.running
      .filter(
        (running) => running !== application && !running.init && seconds > (ownSeconds(running, workload) ?? seconds),
      )
      .filter(({ container }) => container.lifecycle?.preStop === undefined)
      .map((running) => {
        const name = short(running.container.name);
        const other = short(application.container.name);
        return {
          container: running.container.name,
          field: containerField(workload, running, 'lifecycle.preStop'),
          message: `container ${name} gets SIGTERM at once, while ${other} serves on for ${seconds} s of ${by}`,
          remedy: `make ${name} a native sidecar, or write lifecycle.preStop.sleep.seconds: ${seconds} for it`,
          fix: [sleepEdit(workload, running, seconds)],
        };
      });
  },
);

/** How long a proxy goes on after SIGTERM; undefined: it is none, or its options say how long, or that it waits. */
function ownSeconds({ container }: RunningContainer, workload: Workload): number | undefined {
  const { image, command = [], args = [], env = [] } = container;
  const name = imageName(image) ?? '';
  if (name === 'proxyv2') {
    const path = [...workload.podSpecPath.slice(0, -1), 'metadata', 'annotations'];
    const config = text(member(rawAt(workload, path), 'proxy.istio.io/config')) ?? '';
    const isTold =
      /terminationDrainDuration|EXIT_ON_ZERO_ACTIVE_CONNECTIONS/.test(config) ||
      env.some((variable) => variable.name === 'EXIT_ON_ZERO_ACTIVE_CONNECTIONS');
    return isTold ? undefined : istioDrainSeconds;
  }
  const isProxy = proxies.has(name) || /(^|\/)linkerd\/proxy$/.test(imageOf(image)?.repository ?? '');
  return isProxy && ![...command, ...args].some((word) => stays.test(word)) ? 0 : undefined;
}

/** Its hook and the drain that it declares, as far as the grace period has room for both. */
function servesOn(running: RunningContainer, facts: Facts): { readonly seconds: number; readonly by: string } {
  const { seconds = 0 } = sleepOf(running) ?? {};
  const hookSeconds = Number.isFinite(seconds) ? Math.ceil(seconds) : 0;
  const drainSeconds = Math.ceil(drainOf(facts, running)?.seconds ?? 0);
  const bothSeconds = Math.min(hookSeconds + drainSeconds, facts.graceSeconds - GRACE_MARGIN_SECONDS);
  return bothSeconds > hookSeconds
    ? { seconds: bothSeconds, by: hookSeconds === 0 ? 'drain' : 'preStop and drain' }
    : { seconds: hookSeconds, by: 'preStop' };
}
