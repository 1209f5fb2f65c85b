import type { Registry } from 'prom-client';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { Client, Resource, WebhookConfiguration } from '../../kube/index.ts';
import type { CertificateSource } from '../server.ts';

/** A webhook configuration whose entries all point at this server. */
export interface WebhookConfigurationRef {
  /** `mutatingWebhookConfigurations` or `validatingWebhookConfigurations`. */
  readonly resource: Resource<WebhookConfiguration>;
  readonly name: string;
}

export interface CertificatesOptions {
  readonly client: Pick<Client, 'find' | 'update' | 'patch'>;
  /** Namespace of the Secret and of the Service. */
  readonly namespace: string;
  /** An existing Secret of type Opaque; the chart makes it empty. */
  readonly secretName: string;
  readonly serviceName: string;
  /** Where the CA bundle is published. */
  readonly webhookConfigurations: readonly WebhookConfigurationRef[];
  /** Further names or IP addresses for the certificate, for webhooks called by URL. */
  readonly extraNames?: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
  /** For the expiry gauges and the count of what was issued. */
  readonly registry?: Registry;
  /** How often the Secret and the configurations are read. Default 10 s. */
  readonly pollSeconds?: number;
}

/** The webhook's certificate, kept in a Secret by all replicas together. */
export interface Certificates extends CertificateSource {
  /** Issues, publishes and reloads until `signal` is aborted. */
  run(signal: AbortSignal): Promise<void>;
  /** True once there is a certificate and its CA has been published in every webhook configuration. */
  ready(): boolean;
}

/** Keeps the certificate of the webhook server. Every replica runs it. */
export function runCertificates(options: CertificatesOptions): Certificates {
  throw new Error(`certificates of ${options.serviceName}: being written`);
}
