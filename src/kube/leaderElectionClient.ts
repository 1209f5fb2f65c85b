import { linkAbort } from '../runtime/linkAbort.ts';
import type { CallOptions, Client } from './client.ts';
import type { LeaderGuard } from './leaderElectionTerm.ts';

/**
 * `client` with every write under `guard`: refused with `NotLeaderError` where the lease is not held at that moment,
 * aborted when it is lost. Writes are not tried again inside the client, for the second try might fall behind the renew
 * deadline; the reconcile's own back-off does it. Reads pass as they are.
 *
 * What no guard can see is a process that is stopped between this check and the kernel's send: that one write goes out
 * when it is continued (seen on a real API server). Give writes a `resourceVersion`, so that it meets a conflict.
 */
export function leaderOnly(client: Client, guard: LeaderGuard): Client {
  /** Runs one write, if we may. */
  async function underGuard<O extends CallOptions, R>(
    doing: string,
    options: O,
    write: (options: O) => Promise<R>,
  ): Promise<R> {
    guard.assertLeader(doing);
    const end = linkAbort(options.signal, guard.signal);
    try {
      return await write({ ...options, retry: false, signal: end.signal });
    } finally {
      end.release();
    }
  }
  return {
    get: (resource, ref, options) => client.get(resource, ref, options),
    find: (resource, ref, options) => client.find(resource, ref, options),
    list: (resource, options) => client.list(resource, options),
    listPage: (resource, options) => client.listPage(resource, options),
    watch: (resource, options) => client.watch(resource, options),
    close: () => client.close(),
    create: (resource, object, options) =>
      underGuard(`create ${resource.plural}`, options, (guarded) => client.create(resource, object, guarded)),
    update: (resource, object, options) =>
      underGuard(`update ${resource.plural}`, options, (guarded) => client.update(resource, object, guarded)),
    patch: (resource, ref, patch, options) =>
      underGuard(`patch ${resource.plural}`, options, (guarded) => client.patch(resource, ref, patch, guarded)),
    delete: (resource, ref, options) =>
      underGuard(`delete ${resource.plural}`, options, (guarded) => client.delete(resource, ref, guarded)),
    raw: (request) =>
      request.method === 'GET'
        ? client.raw(request)
        : underGuard(`${request.method} ${request.path}`, request, (guarded) => client.raw(guarded)),
  };
}
