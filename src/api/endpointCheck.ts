import { z } from 'zod';
import { wholeNumber } from './probe.ts';
import { type Rule, withRules } from './rule.ts';

/** Defaults of the numbers in `spec.endpointCheck`, in seconds. */
export const DEFAULT_ENDPOINT_CHECK_TIMEOUT_SECONDS = 60;
const DEFAULT_DRAINED_TIMEOUT_SECONDS = 30;

const urlPath = /^[/][!-~]*$/;
const pathRule: Rule<string> = {
  cel: `self.matches('${urlPath.source}')`,
  holds: (path) => urlPath.test(path),
  problem: 'is not a path',
  remedy: "begin with '/' and write no spaces and no host, e.g. /metrics",
};
const path = (description: string) => withRules(z.string().max(1_024), description, [pathRule]);

/** A metric name of Prometheus' text format; a sample with labels is not named, all of its samples are added up. */
const metricName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;

const httpGet = z
  .object({
    path: path('The path to ask for, e.g. /drained'),
    port: wholeNumber('The number of the port on the pod.', 1, 65_535),
    scheme: z.enum(['HTTP', 'HTTPS']).default('HTTP').meta({
      description: 'HTTP (default) or HTTPS; the certificate is not verified.',
    }),
  })
  .meta({ description: 'Drained when an HTTP GET on the pod answers with a status from 200 to 299.' });

const metric = z
  .object({
    path: path('The path of the metrics page. Default: /metrics').default('/metrics'),
    port: wholeNumber('The number of the port on the pod.', 1, 65_535),
    name: withRules(
      z.string().max(256),
      'The name of the metric, without labels, e.g. http_open_connections. Where it has several samples, they are added up.',
      [
        {
          cel: `self.matches('${metricName.source}')`,
          holds: (name) => metricName.test(name),
          problem: 'is not the name of a metric',
          remedy: "write letters, digits, '_' and ':' only, without labels, e.g. http_open_connections",
        },
      ],
    ),
    max: wholeNumber('The value that counts as drained, or any lower one. Default: 0', 0).default(0),
  })
  .meta({
    description: 'Drained when a metric that the pod serves in the Prometheus text format is low enough.',
  });

const drained = withRules(
  z.object({
    httpGet: httpGet.optional(),
    metric: metric.optional(),
    timeoutSeconds: wholeNumber(
      `Seconds after which the pod counts as drained, whatever it answers. Default: ${DEFAULT_DRAINED_TIMEOUT_SECONDS}`,
      1,
      600,
    ).default(DEFAULT_DRAINED_TIMEOUT_SECONDS),
  }),
  'Asks the application, once nothing new can reach the pod, whether it is done, for instance whether its open connections have ended. Default: it is not asked; what is open ends within spec.termination.drainSeconds after SIGTERM.',
  [
    {
      cel: 'has(self.httpGet) != has(self.metric)',
      holds: (value) => (value.httpGet === undefined) !== (value.metric === undefined),
      problem: 'asks exactly one thing',
      remedy: 'give either httpGet or metric, and leave the other out',
    },
  ],
);

const celChecks =
  '(has(self.quietSeconds) ? self.quietSeconds : 0) + (has(self.drained) ? self.drained.timeoutSeconds : 0)';

function checksSeconds(value: {
  readonly quietSeconds?: number | undefined;
  readonly drained?: { readonly timeoutSeconds: number } | undefined;
}): number {
  return (value.quietSeconds ?? 0) + (value.drained?.timeoutSeconds ?? 0);
}

/** `spec.endpointCheck`: the deletion gate of design.md §5. */
export const endpointCheckSchema = withRules(
  z.object({
    mode: z.enum(['Gate', 'Observe', 'Off']).default('Gate').meta({
      description:
        'Gate (default): a pod gets SIGTERM only after its removal from every proxy was verified. Observe: nothing is held back, but the times are recorded and a preStop sleep is recommended. Off: nothing is looked at (write "Off" in quotes: YAML reads a plain Off as false). With spec.mode: Audit, Gate is as Observe.',
    }),
    timeoutSeconds: wholeNumber(
      `The longest, in seconds, that the deletion of a pod may be held back from the moment that it was taken out of its Services; then it is let go, and a warning event says what was not verified. Default: ${DEFAULT_ENDPOINT_CHECK_TIMEOUT_SECONDS}`,
      1,
      3_600,
    ).default(DEFAULT_ENDPOINT_CHECK_TIMEOUT_SECONDS),
    quietSeconds: wholeNumber(
      'Seconds that are waited after the last proxy has confirmed, for whatever else sends to the pod by its own view of the endpoints (DNS of a headless Service, an Ingress controller, a mesh). Default: where kube-proxy alone serves the Services and every node has confirmed, 2 less the preStop sleep of the pod (for connections on their way), else 5',
      0,
      600,
    ).optional(),
    drained: drained.optional(),
  }),
  'What must be true before a pod of the target gets SIGTERM, on every path: rollout, scale-down, eviction (kubectl drain, autoscalers) and kubectl delete.',
  [
    {
      // the first two: the API server checks the default {} before it has filled in timeoutSeconds
      cel: `!has(self.quietSeconds) && !has(self.drained) || ${celChecks} < self.timeoutSeconds`,
      holds: (value) => checksSeconds(value) < value.timeoutSeconds,
      problem: 'is too short: the pod would be let go before its checks are over',
      remedy: 'write more than quietSeconds + drained.timeoutSeconds, or shorten those',
      member: 'timeoutSeconds',
      celMessage: `'is too short: the pod would be let go before its checks are over: quietSeconds + drained.timeoutSeconds = %d, but timeoutSeconds is %d: write at least %d, or shorten those'.format([${celChecks}, self.timeoutSeconds, ${celChecks} + 1])`,
      message: (value) =>
        `is too short: the pod would be let go before its checks are over: quietSeconds + drained.timeoutSeconds = ${checksSeconds(value)}, but timeoutSeconds is ${value.timeoutSeconds}`,
    },
  ],
);

/** `spec.eviction`. */
export const evictionSchema = z
  .object({
    minReady: wholeNumber(
      'Ready pods that the target keeps while one of its pods is evicted: where it would have fewer, the replacement comes first. Default: all but a quarter of the replicas (at least one pod may be missing), as in a rolling update; 0: only what the Services and the PodDisruptionBudgets need',
      0,
    ).optional(),
    replacementTimeoutSeconds: wholeNumber(
      'The longest, in seconds, that an eviction waits for a replacement or a PodDisruptionBudget; then the pod is let go, and a warning event says so. Default: for ever, as with a PodDisruptionBudget',
      1,
      86_400,
    ).optional(),
  })
  .meta({ description: 'How pods of the target are evicted (kubectl drain, autoscalers, descheduler).' });
