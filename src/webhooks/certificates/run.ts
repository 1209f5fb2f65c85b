import type { Registry } from 'prom-client';
import { type Client, secrets } from '../../kube/index.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { CertificateSource } from '../server.ts';
import { carryOut } from './carryOut.ts';
import { createCertificateMetrics } from './metrics.ts';
import { planCertificates } from './plan.ts';
import { type CertificatePolicy, DEFAULT_POLICY } from './policy.ts';
import {
  commonAuthorities,
  publishBundle,
  publishedBundles,
  type ReadConfiguration,
  type WebhookConfigurationRef,
} from './publish.ts';
import { valuesOf, writeSecret } from './secret.ts';
import { createServedCertificate } from './served.ts';
import { bundleOf, type CertificateState, canonicalName, readCertificateState } from './state.ts';

export interface CertificatesOptions {
  readonly client: Pick<Client, 'find' | 'update' | 'patch'>;
  /** Namespace of the Secret and of the Service. */
  readonly namespace: string;
  /** An existing Secret of type Opaque; the chart makes it empty. */
  readonly secretName: string;
  readonly serviceName: string;
  /** Where the CA bundle is published: objects with no entries but ours. */
  readonly webhookConfigurations: readonly WebhookConfigurationRef[];
  /** Further DNS names or IP addresses for the certificate, for webhooks called by URL. */
  readonly extraNames?: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
  /** For the expiry gauges and the counts of writes and failures. */
  readonly registry?: Registry;
  /** How often the Secret and the configurations are read. Default 10 s. */
  readonly pollSeconds?: number;
  /** Default {@link DEFAULT_POLICY}; tests shorten it. */
  readonly policy?: CertificatePolicy;
}

/** The webhook's certificate, kept in a Secret by all replicas together. */
export interface Certificates extends CertificateSource {
  /** Issues, publishes and reloads until `signal` is aborted; then resolves. Failures are logged and tried again. */
  run(signal: AbortSignal): Promise<void>;
  /** True while the certificate served is valid, from the moment that every webhook configuration trusts its CA. */
  ready(): boolean;
}

/** While there is nothing to serve, rounds follow each other faster. */
const FIRST_POLL_SECONDS = 1;
/** Rounds without a pause, when another replica wrote first. */
const CONFLICT_ROUNDS = 5;

/**
 * Keeps the certificate of the webhook server. Every replica runs it: each reads the Secret, does the next step of
 * {@link planCertificates} if there is one, and writes it under the Secret's resourceVersion, so that of several who do the same
 * one wins and the others read its result. Replicas that only read do the same with nothing to do.
 */
export function runCertificates(options: CertificatesOptions): Certificates {
  const { client, clock, log, namespace, serviceName, secretName } = options;
  const policy = options.policy ?? DEFAULT_POLICY;
  const names = [
    `${serviceName}.${namespace}.svc`,
    `${serviceName}.${namespace}.svc.cluster.local`,
    ...(options.extraNames ?? []),
  ].map(canonicalName);
  const pollMs = (options.pollSeconds ?? 10) * 1000;
  const metrics = createCertificateMetrics(options.registry);
  const hasClients = options.webhookConfigurations.length > 0;
  const served = createServedCertificate({ clock, log, metrics, settleMs: policy.settleMs, hasClients });
  let lastTrouble = '';

  /** Says what is wrong once, until something else is. */
  const complain = (message: string, fields: Record<string, unknown>): void => {
    const trouble = JSON.stringify([message, fields]);
    if (trouble !== lastTrouble) log.error(message, fields);
    lastTrouble = trouble;
  };

  const readConfigurations = (signal: AbortSignal): Promise<ReadConfiguration[]> =>
    Promise.all(
      options.webhookConfigurations.map(async (ref) => ({
        ref,
        found: await client.find(ref.resource, { name: ref.name }, { signal }),
      })),
    );

  /** The Secret's state after at most one step of the plan; undefined without a Secret. */
  const settle = async (
    configurations: readonly ReadConfiguration[],
    signal: AbortSignal,
  ): Promise<CertificateState | undefined> => {
    for (let round = 0; round < CONFLICT_ROUNDS; round++) {
      const secret = await client.find(secrets, { namespace, name: secretName }, { signal });
      if (!secret) return undefined;
      const published = publishedBundles(configurations);
      const state = readCertificateState(valuesOf(secret), published);
      const nowMs = clock.nowMs();
      const publishedIds = hasClients ? commonAuthorities(configurations) : new Set(state.trusted.map(({ id }) => id));
      const plan = planCertificates({ state, nowMs, names, publishedIds, policy });
      if (plan.kind === 'Keep') return state;
      const changes = await carryOut(plan, state, { nowMs, names, policy });
      const written = await writeSecret(client, secret, changes, signal);
      if (written) {
        metrics.wrote(plan.kind);
        const facts = { change: plan.kind, reason: plan.reason, problems: state.problems };
        log.info('webhook certificate changed', { namespace, name: secretName, ...facts });
        return readCertificateState(valuesOf(written), published);
      }
    }
    throw new Error(`Secret ${namespace}/${secretName} was written by others ${CONFLICT_ROUNDS} times in a row`);
  };

  const round = async (signal: AbortSignal): Promise<void> => {
    const configurations = await readConfigurations(signal);
    const state = await settle(configurations, signal);
    if (!state) {
      complain('webhook certificate Secret is missing', {
        namespace,
        name: secretName,
        remedy: 'create an empty Secret of type Opaque with this name; the chart does',
      });
      return;
    }
    metrics.observed(state);
    const bundle = bundleOf(state.trusted);
    for (const configuration of configurations) {
      if (await publishBundle(client, configuration, bundle, signal)) {
        metrics.wrote('PublishBundle');
        log.info('webhook CA bundle published', {
          kind: configuration.ref.resource.kind,
          name: configuration.ref.name,
        });
      }
    }
    const missing = configurations.filter(({ found }) => !found).map(({ ref }) => ref.name);
    if (missing.length > 0) {
      complain('webhook configuration is missing', { names: missing, remedy: 'install it again with the chart' });
    } else {
      lastTrouble = '';
    }
    served.offer(state.leaf, missing.length > 0 ? new Set() : commonAuthorities(configurations));
  };

  return {
    current: () => served.current(),
    onChange: (listener) => served.onChange(listener),
    ready: () => served.ready(),
    async run(signal) {
      while (!signal.aborted) {
        try {
          await round(signal);
        } catch (error) {
          if (isAborted(signal)) return;
          metrics.failed();
          const reason = error instanceof Error ? error.message : String(error);
          complain('webhook certificate round failed, will try again', { namespace, name: secretName, reason });
        }
        const waitMs = served.ready() ? pollMs : Math.min(pollMs, FIRST_POLL_SECONDS * 1000);
        await clock.sleep(waitMs, signal).catch((error: unknown) => {
          if (!signal.aborted) throw error;
        });
      }
    },
  };
}

/** Asked again after an await: the compiler takes the loop's condition for still true. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
