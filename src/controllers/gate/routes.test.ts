import { expect, test } from 'vitest';
import { ApiError, type Resource, type Route } from '../../kube/index.ts';
import { createLogger, systemClock } from '../../runtime/index.ts';
import { createRoutes } from './routes.ts';

type Rules = NonNullable<Route['spec']>['rules'];

/** What is served, by plural; a kind that is missing is not installed. */
async function read(served: Readonly<Record<string, readonly Route[]>>, code = 404) {
  const stop = new AbortController();
  const lines: string[] = [];
  const list = ({ plural }: Resource) =>
    served[plural] === undefined
      ? Promise.reject(new ApiError({ method: 'GET', path: '/' }, code, {}))
      : Promise.resolve({ items: served[plural], resourceVersion: '1' });
  const log = createLogger({ level: 'warn', write: (line) => lines.push(line) });
  const routes = createRoutes({ client: { list: list as never }, clock: systemClock, log });
  const running = routes.tasks.map((task) => task.run(stop.signal));
  await new Promise((resolve) => setTimeout(resolve, 20));
  stop.abort();
  await Promise.all(running);
  return { routes, lines };
}

const route = (rules: Rules): Route => ({
  metadata: { namespace: 'shop', name: 'front' },
  spec: { rules: rules ?? [] },
});

test.each<[string, Rules, boolean]>([
  ['by its name alone', [{}, { backendRefs: [{ name: 'api' }, { name: 'web' }] }], true],
  ['in full', [{ backendRefs: [{ group: '', kind: 'Service', namespace: 'shop', name: 'web' }] }], true],
  ['of another namespace', [{ backendRefs: [{ namespace: 'other', name: 'web' }] }], false],
  ['of another kind', [{ backendRefs: [{ group: 'x.io', kind: 'Bucket', name: 'web' }] }], false],
  ['not at all', [{}], false],
])('a route names the Service %s', async (_, rules, isNamed) => {
  for (const [plural, kind] of [
    ['httproutes', 'HTTPRoute'],
    ['grpcroutes', 'GRPCRoute'],
  ] as const) {
    const { routes, lines } = await read({ [plural]: [route(rules)] });
    expect(routes.routeTo('shop', 'web')).toBe(isNamed ? `${kind} shop/front` : undefined);
    expect(lines).toEqual([]);
  }
});

test('where the Gateway API is not installed nothing is said; where it cannot be read, any Service may have a route', async () => {
  const none = await read({});
  expect(none.lines).toEqual([]);
  expect(none.routes.routeTo('shop', 'web')).toBeUndefined();
  const { routes, lines } = await read({ grpcroutes: [{ metadata: { name: 'empty' } }] }, 403);
  expect(routes.routeTo('shop', 'web')).toContain('could not be read');
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain('HTTPRoute cannot be read: every Service counts');
});

test('before the first answer any Service may have a route', () => {
  const list = (() => new Promise(() => {})) as never;
  const log = createLogger({ level: 'warn', write: () => {} });
  const routes = createRoutes({ client: { list }, clock: systemClock, log });
  expect(routes.routeTo('shop', 'web')).toContain('could not be read');
});
