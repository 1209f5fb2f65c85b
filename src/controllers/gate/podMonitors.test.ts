import { expect, test } from 'vitest';
import { ApiError, type PodMonitor } from '../../kube/index.ts';
import { createLogger, systemClock } from '../../runtime/index.ts';
import { createPodMonitors } from './podMonitors.ts';

const log = createLogger({ level: 'silent', format: 'json' });

async function read(list: () => Promise<{ items: readonly PodMonitor[]; resourceVersion: string }>) {
  const stop = new AbortController();
  const monitors = createPodMonitors({ client: { list: list as never }, clock: systemClock, log });
  const running = monitors.run(stop.signal);
  await new Promise((resolve) => setTimeout(resolve, 20));
  stop.abort();
  await running;
  return monitors;
}

type Namespaces = NonNullable<NonNullable<PodMonitor['spec']>['namespaceSelector']>;

const monitor = (name: string, namespaceSelector?: Namespaces): PodMonitor => ({
  metadata: { name, namespace: 'monitoring' },
  spec: { selector: { matchLabels: { app: name } }, ...(namespaceSelector && { namespaceSelector }) },
});

test('a PodMonitor looks at its own namespace, at those it names, or at any', async () => {
  const items = [monitor('own'), monitor('named', { matchNames: ['shop'] }), monitor('any', { any: true })];
  const monitors = await read(() => Promise.resolve({ items, resourceVersion: '1' }));
  expect(monitors.selectorsIn('shop').map(({ name }) => name)).toEqual(['monitoring/named', 'monitoring/any']);
  expect(monitors.selectorsIn('monitoring').map(({ name }) => name)).toEqual(['monitoring/own', 'monitoring/any']);
});

test('where the kind is not installed, or cannot be read, there are none', async () => {
  for (const code of [404, 403]) {
    const refused = new ApiError({ method: 'GET', path: '/' }, code, {});
    const monitors = await read(() => Promise.reject(refused));
    expect(monitors.selectorsIn('shop')).toEqual([]);
  }
});
