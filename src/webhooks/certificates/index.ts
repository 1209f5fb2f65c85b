export { type Certificates, type CertificatesOptions, runCertificates, type WebhookConfigurationRef } from './run.ts';
