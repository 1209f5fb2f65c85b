import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Counter, Gauge, Histogram } from 'prom-client';
import { crdYaml } from '../src/api/crd.ts';
import type { MetricEntry } from '../src/api/metricNames.ts';
import { apiPage, conditionsPage, metricsPage } from '../src/api/referencePages.ts';
import { createCacheDriftMetrics } from '../src/runtime/cacheDrift.ts';
import { OperatorMetrics } from '../src/runtime/metrics.ts';
import { rulesPage } from '../src/safety/referencePages.ts';
import { createCertificateMetrics } from '../src/webhooks/certificates/metrics.ts';
import { createWebhookMetrics } from '../src/webhooks/serverMetrics.ts';

/** A committed file that a program writes: `npm run generate` writes it, `npm run check` fails when it differs. */
export interface Generated {
  readonly path: string;
  readonly content: () => string | Promise<string>;
}

/** The metrics that are declared beside the code that counts them, as a registry of prom-client knows them. */
function declaredMetrics(): Record<string, MetricEntry> {
  const { registry } = new OperatorMetrics();
  createWebhookMetrics(registry);
  createCertificateMetrics(registry);
  createCacheDriftMetrics(registry);
  const kinds = [
    ['counter', Counter],
    ['gauge', Gauge],
    ['histogram', Histogram],
  ] as const;
  const entries = registry.getMetricsAsArray().map(({ name, help }) => {
    const metric = registry.getSingleMetric(name);
    const type = kinds.find(([, kind]) => metric instanceof kind)?.[0];
    if (type === undefined) throw new Error(`metric ${name} is neither counter, gauge nor histogram`);
    return [name, { type, help, labels: labelNamesOf(metric) }] as const;
  });
  return Object.fromEntries(entries);
}

/** prom-client keeps the label names on each metric, without a type for them. */
function labelNamesOf(metric: unknown): readonly string[] {
  const { labelNames } = metric as { readonly labelNames?: readonly string[] };
  return labelNames ?? [];
}

/** Named as controller-gen names them: group, underscore, plural. */
const crdFile = 'graceful-rollout.io_gracefulrollouts.yaml';

/** Every generated file. */
export const generated: readonly Generated[] = [
  { path: `crds/${crdFile}`, content: crdYaml },
  { path: `charts/graceful-rollout/files/crds/${crdFile}`, content: crdYaml },
  { path: 'docs/reference/api.md', content: apiPage },
  { path: 'docs/reference/conditions.md', content: conditionsPage },
  { path: 'docs/reference/metrics.md', content: () => metricsPage(declaredMetrics()) },
  { path: 'docs/reference/rules.md', content: rulesPage },
];

if (import.meta.main) {
  const check = process.argv.includes('--check');
  let stale = 0;
  for (const file of generated) {
    const wanted = await file.content();
    let found = '';
    try {
      found = readFileSync(file.path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    if (found === wanted) continue;
    if (check) {
      stale += 1;
      console.error(
        `${file.path} differs from what the source generates: run 'npm run generate' and commit the result`,
      );
    } else {
      mkdirSync(dirname(file.path), { recursive: true });
      writeFileSync(file.path, wanted);
      console.log(`wrote ${file.path}`);
    }
  }
  process.exitCode = stale === 0 ? 0 : 1;
}
