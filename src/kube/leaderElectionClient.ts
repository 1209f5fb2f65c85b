import type { CallOptions, Client } from './client.ts';
import type { LeaderGuard } from './leaderElectionTerm.ts';
import type { Resource } from './resources.ts';

/**
 * `client` with every write under `guard`: refused with `NotLeaderError` where the lease is not held at that moment,
 * aborted when it is lost. Writes are not tried again inside the client, for the second try might fall behind the renew
 * deadline; the reconcile's own back-off does it. Reads pass as they are.
 */
export function leaderOnly(client: Client, guard: LeaderGuard): Client {
  function underGuard<O extends CallOptions>(verb: string, resource: Resource, options: O): O {
    guard.assertLeader(`${verb} ${resource.plural}`);
    return { ...options, retry: false, signal: AbortSignal.any([options.signal, guard.signal]) };
  }
  return {
    get: (resource, ref, options) => client.get(resource, ref, options),
    find: (resource, ref, options) => client.find(resource, ref, options),
    list: (resource, options) => client.list(resource, options),
    listPage: (resource, options) => client.listPage(resource, options),
    watch: (resource, options) => client.watch(resource, options),
    close: () => client.close(),
    async create(resource, object, options) {
      return client.create(resource, object, underGuard('create', resource, options));
    },
    async update(resource, object, options) {
      return client.update(resource, object, underGuard('update', resource, options));
    },
    async patch(resource, ref, patch, options) {
      return client.patch(resource, ref, patch, underGuard('patch', resource, options));
    },
    async delete(resource, ref, options) {
      return client.delete(resource, ref, underGuard('delete', resource, options));
    },
    async raw(request) {
      if (request.method === 'GET') return client.raw(request);
      guard.assertLeader(`${request.method} ${request.path}`);
      return client.raw({ ...request, retry: false, signal: AbortSignal.any([request.signal, guard.signal]) });
    },
  };
}
