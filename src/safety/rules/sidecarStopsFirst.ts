import { type RunningContainer, sleepOf } from '../facts.ts';
import { imageName } from '../image.ts';
import { SERVERS } from '../kinds.ts';
import { containerField, sleepEdit } from '../paths.ts';
import { defineRule, short } from '../rule.ts';

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
    why: 'The kubelet stops all regular containers of a pod at the same time: while the preStop hook of one lets it serve on, one without a hook has got SIGTERM already (pkg/kubelet/kuberuntime killContainersWithSyncResult). An application that talks through a proxy beside it then answers its last requests with errors. Native sidecars (init containers with restartPolicy Always, KEP-753) are stopped after the regular containers.',
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
      "Make the proxy a native sidecar (move it to initContainers with restartPolicy: Always), or give it a preStop sleep that is as long as the application's; the fix writes the sleep.",
  },
  ({ workload, facts }) => {
    if (facts.enforced) return [];
    const sleeping = facts.running
      .filter(({ init }) => !init)
      .map((running) => ({ running, seconds: Math.ceil(secondsOf(running)) }))
      .toSorted((a, b) => b.seconds - a.seconds)
      .at(0);
    if (sleeping === undefined || sleeping.seconds === 0 || sleeping.seconds > facts.graceSeconds) return [];
    return facts.running
      .filter((running) => running !== sleeping.running && isProxy(running) && !running.init)
      .filter(({ container }) => container.lifecycle?.preStop === undefined)
      .map((running) => {
        const name = short(running.container.name);
        const other = short(sleeping.running.container.name);
        return {
          container: running.container.name,
          field: containerField(workload, running, 'lifecycle.preStop'),
          message: `container ${name} gets SIGTERM at once, while ${other} serves on for ${sleeping.seconds} s of preStop and may need it`,
          remedy: `make ${name} a native sidecar, or write lifecycle.preStop.sleep.seconds: ${sleeping.seconds} for it`,
          fix: [sleepEdit(workload, running, sleeping.seconds)],
        };
      });
  },
);

function isProxy({ container: { image, command = [], args = [] } }: RunningContainer): boolean {
  return proxies.has(imageName(image) ?? '') && ![...command, ...args].some((word) => stays.test(word));
}

function secondsOf(running: RunningContainer): number {
  const { seconds = 0 } = sleepOf(running) ?? {};
  return Number.isFinite(seconds) ? seconds : 0;
}
