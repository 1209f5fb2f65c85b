import { z } from 'zod';
import { type Rule, withRules } from './rule.ts';

/*
 * core/v1 Probe as a readiness probe, with the bounds of pkg/apis/core/validation (validateProbe, validateHandler) and
 * of its documentation. Where the API server silently turns a 0 into the default (timeoutSeconds: 0 becomes 1), this
 * schema asks for the documented minimum instead.
 */

const INT32_MAX = 2_147_483_647;

/** A whole number between two bounds, both included. */
export function wholeNumber(description: string, minimum: number, maximum: number = INT32_MAX): z.ZodNumber {
  return z.number().int().min(minimum).max(maximum).meta({ description, format: 'int32' });
}

/** IANA_SVC_NAME as k8s.io/apimachinery IsValidPortName reads it. */
const portName = /^(?:[0-9]-?)*[a-z](?:-?[a-z0-9])*$/;

function isPort(port: number | string): boolean {
  return typeof port === 'number' ? port >= 1 && port <= 65_535 : port.length <= 15 && portName.test(port);
}

const port = withRules(
  z.union([z.int(), z.string()]),
  'The port to probe: its number (1 to 65535), or the name of a port in the container (`ports[].name`).',
  [
    {
      cel: `type(self) == int ? self >= 1 && self <= 65535 : size(self) <= 15 && self.matches('${portName.source}')`,
      holds: isPort,
      problem: 'is not a port',
      remedy:
        "write a number from 1 to 65535, or the name of a container port: at most 15 lower case letters, digits and single '-', with at least one letter, e.g. http",
    },
  ],
);

const headerName = /^[-A-Za-z0-9]+$/;

const httpHeader = z
  .object({
    name: withRules(z.string().max(256), 'The name of the header, e.g. X-Probe. It is sent in canonical case.', [
      {
        cel: `self.matches('${headerName.source}')`,
        holds: (name) => headerName.test(name),
        problem: 'is not the name of an HTTP header',
        remedy: "use letters, digits and '-' only, e.g. X-Probe",
      },
    ]),
    value: z.string().meta({ description: 'The value of the header.' }),
  })
  .meta({ description: 'One header of the request.' });

const exec = z
  .object({
    command: z
      .array(z.string().meta({ description: 'One word of the command.' }))
      .min(1)
      .meta({
        description:
          'The command and its arguments, run in the container without a shell; its working directory is the root of the file system. Exit status 0 means ready.',
      }),
  })
  .meta({ description: 'Ready when a command run inside the container exits with status 0.' });

const httpGet = z
  .object({
    path: z.string().optional().meta({ description: 'The path to ask for. Default: /' }),
    port,
    host: z.string().optional().meta({
      description:
        'The host to connect to. Default: the IP address of the pod, which is nearly always right; the Baseline level of Pod Security refuses a probe with a host from Kubernetes 1.34 on. To send another Host header, use httpHeaders.',
    }),
    scheme: z.enum(['HTTP', 'HTTPS']).optional().meta({
      description: 'HTTP (default) or HTTPS; the certificate is not verified.',
    }),
    httpHeaders: z.array(httpHeader).max(64).optional().meta({
      description: 'Headers to send with the request; a name may repeat.',
    }),
  })
  .meta({ description: 'Ready when an HTTP GET answers with a status from 200 to 399.' });

const tcpSocket = z
  .object({
    port,
    host: z.string().optional().meta({
      description: 'The host to connect to. Default: the IP address of the pod.',
    }),
  })
  .meta({ description: 'Ready when a TCP connection can be opened.' });

const grpc = z
  .object({
    port: wholeNumber('The number of the port of the gRPC service.', 1, 65_535),
    service: z.string().optional().meta({
      description: 'The service to name in the gRPC HealthCheckRequest. Default: the empty name, the whole server.',
    }),
  })
  .meta({ description: 'Ready when the gRPC health check (grpc.health.v1.Health) answers SERVING.' });

const members = {
  exec: exec.optional(),
  httpGet: httpGet.optional(),
  tcpSocket: tcpSocket.optional(),
  grpc: grpc.optional(),
  initialDelaySeconds: wholeNumber(
    'Seconds after the start of the container before the first probe. Default: 0',
    0,
  ).optional(),
  periodSeconds: wholeNumber('Seconds between two probes. Default: 10', 1).optional(),
  timeoutSeconds: wholeNumber('Seconds after which a probe without an answer has failed. Default: 1', 1).optional(),
  successThreshold: wholeNumber(
    'Successes in a row after a failure that make the container ready. Default: 1',
    1,
  ).optional(),
  failureThreshold: wholeNumber('Failures in a row that make the container not ready. Default: 3', 1).optional(),
  terminationGracePeriodSeconds: z.int().optional().meta({
    description:
      'Always refused: core/v1 has this member for liveness and startup probes only. A readiness probe never ends a container; the time to end is spec.termination.gracePeriodSeconds.',
    format: 'int64',
  }),
};

const handlerNames = ['exec', 'httpGet', 'tcpSocket', 'grpc'] as const;

const rules: readonly Rule<z.output<z.ZodObject<typeof members>>>[] = [
  {
    cel: `[${handlerNames.map((name) => `has(self.${name})`).join(', ')}].exists_one(given, given)`,
    holds: (probe) => handlerNames.filter((name) => probe[name] !== undefined).length === 1,
    problem: 'a probe has exactly one handler',
    remedy: 'give one of exec, httpGet, tcpSocket and grpc, and leave the others out',
  },
  {
    cel: '!has(self.terminationGracePeriodSeconds)',
    holds: (probe) => probe.terminationGracePeriodSeconds === undefined,
    problem: 'a readiness probe has no terminationGracePeriodSeconds',
    remedy: 'remove it; the time a pod has to end is spec.termination.gracePeriodSeconds',
    member: 'terminationGracePeriodSeconds',
  },
];

/** A core/v1 Probe that core/v1 would accept as a readiness probe. */
export const readinessProbe = withRules(
  z.object(members),
  'A readiness probe, exactly as in a container (core/v1 Probe). It is used for the serving container where the author of the Deployment wrote none; a probe that is there always stays. Without it no probe is set: a probe is never invented.',
  rules,
);
