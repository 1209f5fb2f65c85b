import { grpcRoutes, httpRoutes, type Route } from '../../kube/index.ts';
import type { ManagedTask } from '../../runtime/index.ts';
import { type OptionalKindOptions, readOptionalKind } from './optionalKind.ts';

/** Which Services routes of the Gateway API (gateway.networking.k8s.io) send to; none where it is not installed. */
export interface Routes {
  readonly tasks: readonly ManagedTask[];
  /** A route that names the Service: `HTTPRoute shop/front`. Where they were not read yet, or may not be, any could. */
  routeTo(namespace: string, service: string): string | undefined;
}

/** One that came a minute ago has sent nothing yet, as likely as not: its Services get quiet time from the next reading on. */
export function createRoutes(options: OptionalKindOptions): Routes {
  const lacking = 'every Service counts as one that a Gateway sends to, and has quiet time';
  const kinds = [httpRoutes, grpcRoutes].map((resource) =>
    readOptionalKind(
      resource,
      { name: resource.plural, keep: (route) => backendsOf(resource.kind, route), lacking },
      options,
    ),
  );
  return {
    tasks: kinds,
    routeTo: (namespace, service) =>
      kinds.flatMap(({ known }) => known).find(({ services }) => services.has(`${namespace}/${service}`))?.name ??
      (kinds.every(({ wasRead }) => wasRead) ? undefined : notRead),
  };
}

const notRead = 'routes of the Gateway API, which could not be read';

interface Backends {
  readonly name: string;
  /** `namespace/name`. */
  readonly services: ReadonlySet<string>;
}

/** A backend is a Service of the route's namespace unless it says otherwise (BackendObjectReference). */
function backendsOf(kind: string, { metadata, spec }: Route): Backends {
  const { namespace: own = '', name = '' } = metadata;
  const refs = (spec?.rules ?? []).flatMap(({ backendRefs }) => backendRefs ?? []);
  const services = refs
    .filter((ref) => (ref.group ?? '') === '' && (ref.kind ?? 'Service') === 'Service')
    .map((ref) => `${ref.namespace ?? own}/${ref.name}`);
  return { name: `${kind} ${own}/${name}`, services: new Set(services) };
}
