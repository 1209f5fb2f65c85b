import { declaredDrain, durationSeconds } from '../drain.ts';
import { type Facts, isHere, sleepOf } from '../facts.ts';
import { SERVERS } from '../kinds.ts';
import { podField } from '../paths.ts';
import { defineRule, type Remark, type RuleInput, short } from '../rule.ts';

const aws = 'service.beta.kubernetes.io/aws-load-balancer-';

/** A promise to go on with a request for so long. */
interface Promised {
  readonly seconds: number;
  /** For people. */
  readonly by: string;
  /** A load balancer counts from the deletion of the pod, a gateway from the request, which may be the last one. */
  readonly from: 'deletion' | 'request';
}

export const timeoutsDoNotNest = defineRule(
  {
    code: 'GR207',
    name: 'timeouts-do-not-nest',
    title: 'A time-out before the pods is longer than the pods live',
    level: 'strict',
    severity: 'warning',
    since: 'v1',
    hasFix: false,
    appliesTo: SERVERS,
    why: 'A load balancer that deregisters a target goes on with its requests for the deregistration delay; a gateway waits for an answer as long as its time-out. The delay begins with the deletion of the pod, beside preStop, and must fit into the grace period. The last request of a gateway may come when preStop ends: its time-out must fit into what is left then, and into the drain that the container declares (see GR203). Else the pod is killed, or stops by itself, under requests that the caller still waits for (kubernetes-sigs/aws-load-balancer-controller#2106). Read from the annotations of the Services that select the pods and of the Ingresses before them, where one is written: aws-load-balancer-target-group-attributes and alb.ingress.kubernetes.io/target-group-attributes (deregistration_delay.timeout_seconds), nginx.ingress.kubernetes.io/proxy-read-timeout and proxy-send-timeout, and of a classic ELB aws-load-balancer-connection-draining-timeout where -connection-draining-enabled is "true". Not read are time-outs that are written elsewhere: the Gateway API, BackendConfig, meshes, the settings of the load balancer itself.',
    example: `apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      terminationGracePeriodSeconds: 30
      containers:
        - name: app
          image: example.com/web:1.2.3
          ports: [{ containerPort: 8080 }]
          lifecycle: { preStop: { sleep: { seconds: 15 } } }
---
apiVersion: v1
kind: Service
metadata:
  name: web
  annotations:
    service.beta.kubernetes.io/aws-load-balancer-target-group-attributes: deregistration_delay.timeout_seconds=120
spec:
  selector: { app: web }
  ports: [{ port: 80, targetPort: 8080 }]
`,
    fixText:
      'Decide how long a request may take, and let each time-out be shorter than the next one inwards: client, gateway, drain of the application, then grace period - preStop; and the deregistration delay shorter than the grace period. There is no automatic fix: which of them is wrong only you know.',
  },
  (input) => {
    const { workload, facts } = input;
    const field = podField(workload, 'terminationGracePeriodSeconds');
    const { graceSeconds } = facts;
    const rest = shortestRest(facts);
    return promised(input).flatMap(({ seconds, by, from }): Remark[] => {
      if (from === 'deletion') {
        if (seconds <= graceSeconds) return [];
        const message = `${by} is ${seconds} s, but grace is ${graceSeconds} s: later answers are cut`;
        const remedy = `lower it to ${graceSeconds} s or less, or write terminationGracePeriodSeconds: ${Math.ceil(seconds)} or more`;
        return [{ field, message, remedy }];
      }
      // a hook that takes all of it is another rule's
      if (rest === undefined || seconds <= rest.seconds) return [];
      return [
        {
          field,
          message: `${by} is ${seconds} s, but ${rest.why}: later answers are cut`,
          remedy: rest.remedy(seconds),
        },
      ];
    });
  },
);

/** What the last request has that comes in when preStop ends. */
interface Rest {
  readonly seconds: number;
  /** For people. */
  readonly why: string;
  readonly remedy: (wantedSeconds: number) => string;
}

/** Of the containers that serve, the one with the least; undefined: a hook leaves nothing. */
function shortestRest({ serving = [], graceSeconds }: Facts): Rest | undefined {
  const sleepSeconds = Math.max(0, ...serving.map((running) => Math.ceil(sleepOf(running)?.seconds ?? 0)));
  const leftSeconds = graceSeconds - sleepSeconds;
  if (leftSeconds <= 0) return undefined;
  const drains = serving.flatMap(({ container }) => {
    const drain = declaredDrain(container);
    return drain === undefined ? [] : [{ ...drain, name: short(container.name) }];
  });
  const shortest = drains.toSorted((a, b) => a.seconds - b.seconds).at(0);
  if (shortest !== undefined && shortest.seconds < leftSeconds) {
    const { seconds, declaredBy, name } = shortest;
    return {
      seconds,
      why: `container ${name} drains for ${seconds} s`,
      remedy: (wanted) =>
        `lower it, or let ${name} drain for ${wanted} s or more (${declaredBy}), within the grace period`,
    };
  }
  return {
    seconds: leftSeconds,
    why: `grace ${graceSeconds} s - preStop ${sleepSeconds} s = ${leftSeconds} s`,
    remedy: (wanted) =>
      `lower it to ${leftSeconds} s or less, or write terminationGracePeriodSeconds: ${sleepSeconds + Math.ceil(wanted)} or more`,
  };
}

function promised({ workload, context, facts }: RuleInput): Promised[] {
  const selecting = facts.selecting ?? [];
  const fromServices = selecting.flatMap(({ metadata: { name = '', annotations = {} } }) => [
    ...deregistration(annotations[`${aws}target-group-attributes`], `deregistration delay of Service ${short(name)}`),
    ...(annotations[`${aws}connection-draining-enabled`] === 'true'
      ? timeout(
          annotations[`${aws}connection-draining-timeout`],
          `connection draining of Service ${short(name)}`,
          'deletion',
        )
      : []),
  ]);
  const names = new Set(selecting.map(({ metadata }) => metadata.name));
  const fromIngresses = (context.ingresses ?? [])
    .filter(({ namespace, services }) => isHere(namespace, workload) && services.some((name) => names.has(name)))
    .flatMap(({ name, annotations }) => [
      ...deregistration(
        annotations['alb.ingress.kubernetes.io/target-group-attributes'],
        `deregistration delay of Ingress ${short(name)}`,
      ),
      ...['proxy-read-timeout', 'proxy-send-timeout']
        .flatMap((kind) =>
          timeout(annotations[`nginx.ingress.kubernetes.io/${kind}`], `${kind} of Ingress ${short(name)}`, 'request'),
        )
        .toSorted((a, b) => b.seconds - a.seconds)
        .slice(0, 1),
    ]);
  return [...fromServices, ...fromIngresses];
}

/** `deregistration_delay.timeout_seconds=30,stickiness.enabled=true` */
function deregistration(attributes: string | undefined, by: string): Promised[] {
  const [, seconds] =
    /(?:^|[\s,])deregistration_delay\.timeout_seconds=(\d{1,6})(?:[\s,]|$)/.exec(attributes ?? '') ?? [];
  return timeout(seconds, by, 'deletion');
}

function timeout(value: string | undefined, by: string, from: Promised['from']): Promised[] {
  const seconds = value === undefined ? undefined : durationSeconds(value);
  return seconds === undefined ? [] : [{ seconds, by, from }];
}
