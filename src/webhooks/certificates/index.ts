export { type CertificatePolicy, DEFAULT_POLICY } from './policy.ts';
export type { WebhookConfigurationRef } from './publish.ts';
export { type Certificates, type CertificatesOptions, runCertificates } from './run.ts';
