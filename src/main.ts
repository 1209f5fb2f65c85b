import { hostname } from 'node:os';
import { parseArgs } from 'node:util';
import { type Client, createClient, loadKubeConfig } from './kube/index.ts';
import { createOperator } from './operator.ts';
import { createLogger, LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel, systemClock } from './runtime/index.ts';
import { version } from './version.ts';
import { LAME_DUCK_SECONDS } from './webhooks/server.ts';
import { type PolicyDefaults, parseDefault } from './webhooks/warningsPolicy.ts';

const usage = `graceful-rollout ${version}: the operator for lossless rolling updates

  --kubeconfig FILE             default: KUBECONFIG, the pod's service account, ~/.kube/config
  --namespace NAME              of the operator's own Secret and Lease; default: POD_NAMESPACE, the service account's
  --leader-elect                only the holder of a Lease runs the controllers
  --lease-name NAME             default graceful-rollout
  --webhook-port PORT           default 8443
  --webhook-service NAME        Service through which the API server calls the webhook
  --webhook-secret NAME         Secret for the webhook's certificate; it must exist
  --webhook-configuration NAME  MutatingWebhookConfiguration that gets the CA
  --gate-configuration NAME     ValidatingWebhookConfiguration of the deletion gate; absent: no gate
  --gate-excluded-namespace NS  besides kube-system and our own, one whose pods are never held back; may be repeated
  --barrier-service NAME        Service through which the proxies of all nodes are asked
  --barrier-max-nodes N         in larger clusters they are not asked; default 300
  --warnings-configuration NAME ValidatingWebhookConfiguration of the warnings on workloads; absent: none
  --warn-default LEVEL[:RULES]  of namespaces without a label: off, baseline or strict; RULES: latest or v1; default baseline
  --audit-default LEVEL[:RULES]  likewise; default off
  --warnings-exempt-user NAME   besides our own, one who is neither warned nor denied; may be repeated
  --webhook-name NAME           further name or address in the certificate; may be repeated
  --health-port PORT            /metrics, /healthz, /readyz; default 8080
  --listen ADDRESS              default: all addresses
  --drain-seconds N             how long the webhook answers after SIGTERM; default ${LAME_DUCK_SECONDS}
  --log-level LEVEL             ${LOG_LEVELS.join(', ')}; default info
  --log-format FORMAT           ${LOG_FORMATS.join(', ')}; default json
  --version, --help`;

class UsageError extends Error {}

try {
  await main();
} catch (error) {
  const text = error instanceof UsageError ? `${error.message}\n\n${usage}` : String((error as Error)?.stack ?? error);
  process.stderr.write(`${text}\n`);
  process.exit(error instanceof UsageError ? 2 : 1);
}

async function main(): Promise<void> {
  const flags = parse();
  if (flags.help) return print(usage);
  if (flags.version) return print(version);
  const log = createLogger({
    level: oneOf('log-level', flags['log-level'], LOG_LEVELS) as LogLevel,
    format: oneOf('log-format', flags['log-format'], LOG_FORMATS) as LogFormat,
  });
  const stop = stopOnSignals(log);
  const path = flags.kubeconfig;
  const connection = await loadKubeConfig(path === undefined ? {} : { path }, stop);
  const namespace = flags.namespace ?? process.env['POD_NAMESPACE'] ?? connection.namespace;
  if (namespace === undefined) throw new UsageError('no namespace is known: say --namespace, or set POD_NAMESPACE');
  const client = createClient({
    connection,
    userAgent: `graceful-rollout/${version}`,
    fieldManager: 'graceful-rollout',
    onWarning: (warning) => log.warn('the API server warns', { ...warning }),
  });
  const configuration = flags['gate-configuration'];
  const warningsConfiguration = flags['warnings-configuration'];
  const defaults = {
    warn: policyDefault('warn', flags['warn-default']),
    audit: policyDefault('audit', flags['audit-default']),
  };
  const asksWho = configuration !== undefined || warningsConfiguration !== undefined;
  const ownUser = asksWho ? await whoAmI(client, stop) : '';
  const operator = createOperator({
    client,
    clock: systemClock,
    log,
    namespace,
    healthPort: port('health-port', flags['health-port']),
    webhookPort: port('webhook-port', flags['webhook-port']),
    ...(flags.listen === undefined ? {} : { host: flags.listen }),
    webhookService: flags['webhook-service'],
    webhookSecret: flags['webhook-secret'],
    webhookConfiguration: flags['webhook-configuration'],
    webhookNames: flags['webhook-name'],
    ...(flags['leader-elect'] ? { lease: flags['lease-name'] } : {}),
    drainSeconds: wholeNumber('drain-seconds', flags['drain-seconds'], 3600),
    reportingInstance: process.env['POD_NAME'] ?? hostname(),
    ...(configuration === undefined
      ? {}
      : {
          gate: {
            configuration,
            excludedNamespaces: ['kube-system', namespace, ...flags['gate-excluded-namespace']],
            ...(flags['barrier-service'] === undefined ? {} : { barrierService: flags['barrier-service'] }),
            barrierMaxNodes: wholeNumber('barrier-max-nodes', flags['barrier-max-nodes'], 100_000),
            ownUser,
          },
        }),
    ...(warningsConfiguration === undefined
      ? {}
      : {
          warnings: {
            configuration: warningsConfiguration,
            defaults,
            // With a person's kubeconfig (`npm run dev`) that person is not to be left out.
            exemptUsers: [
              ...(ownUser.startsWith('system:serviceaccount:') ? [ownUser] : []),
              ...flags['warnings-exempt-user'],
            ],
          },
        }),
  });
  log.info('graceful-rollout starts', { version, node: process.version, namespace, server: connection.server });
  await operator.run(stop);
  await client.close();
  log.info('graceful-rollout ends');
}

/** The user that the API server takes this process for (SelfSubjectReview, which every authenticated user may ask for). */
async function whoAmI(client: Client, signal: AbortSignal): Promise<string> {
  const review = (await client.raw({
    method: 'POST',
    path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
    contentType: 'application/json',
    signal,
  })) as { readonly status?: { readonly userInfo?: { readonly username?: string } } };
  const username = review.status?.userInfo?.username;
  if (username === undefined) throw new Error('the API server does not say which user this is (SelfSubjectReview)');
  return username;
}

function parse() {
  try {
    return parseArgs({
      allowPositionals: false,
      options: {
        kubeconfig: { type: 'string' },
        namespace: { type: 'string' },
        'leader-elect': { type: 'boolean', default: false },
        'lease-name': { type: 'string', default: 'graceful-rollout' },
        'webhook-port': { type: 'string', default: '8443' },
        'webhook-service': { type: 'string', default: 'graceful-rollout-webhook' },
        'webhook-secret': { type: 'string', default: 'graceful-rollout-webhook-tls' },
        'webhook-configuration': { type: 'string', default: 'graceful-rollout' },
        'gate-configuration': { type: 'string' },
        'gate-excluded-namespace': { type: 'string', multiple: true, default: [] },
        'barrier-service': { type: 'string', default: 'graceful-rollout-barrier' },
        'barrier-max-nodes': { type: 'string', default: '300' },
        'warnings-configuration': { type: 'string' },
        'warn-default': { type: 'string', default: 'baseline' },
        'audit-default': { type: 'string', default: 'off' },
        'warnings-exempt-user': { type: 'string', multiple: true, default: [] },
        'webhook-name': { type: 'string', multiple: true, default: [] },
        'health-port': { type: 'string', default: '8080' },
        listen: { type: 'string' },
        'drain-seconds': { type: 'string', default: String(LAME_DUCK_SECONDS) },
        'log-level': { type: 'string', default: 'info' },
        'log-format': { type: 'string', default: 'json' },
        version: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** SIGTERM and SIGINT ask for an orderly end; a second one ends at once. */
function stopOnSignals(log: { info(message: string, fields?: object): void }): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(130);
      log.info('shutting down', { signal });
      stop.abort(new Error(`${signal} was received`));
    });
  }
  return stop.signal;
}

function policyDefault(mode: keyof PolicyDefaults, text: string): PolicyDefaults['warn'] {
  const policy = parseDefault(text);
  if (policy !== undefined) return policy;
  throw new UsageError(
    `--${mode}-default must be off, baseline or strict, with :latest or :v1 if wanted, not '${text}'`,
  );
}

function port(flag: string, text: string): number {
  return wholeNumber(flag, text, 65_535);
}

function wholeNumber(flag: string, text: string, max: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > max) {
    throw new UsageError(`--${flag} must be a whole number from 0 to ${max}, not '${text}'`);
  }
  return value;
}

function oneOf(flag: string, text: string, allowed: readonly string[]): string {
  if (!allowed.includes(text)) throw new UsageError(`--${flag} must be one of ${allowed.join(', ')}, not '${text}'`);
  return text;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
