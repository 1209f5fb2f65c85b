import type { ObjectRef, Resource } from './resources.ts';

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** `/api/v1/namespaces/x/pods`, or over all namespaces where `namespace` is absent. */
export function collectionPath(resource: Resource, namespace: string | undefined): string {
  const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  const scope = namespace === undefined || namespace === '' ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  return `${root}${scope}/${resource.plural}`;
}

/**
 * Path of one object or of one of its subresources. Throws when a namespaced object is named without its namespace, or
 * an object without a name: both would address the whole collection.
 */
export function objectPath(resource: Resource, ref: ObjectRef, subresource?: string): string {
  if (ref.name === '') throw new Error(`a ${resource.kind} is addressed without a name`);
  if (resource.namespaced && (ref.namespace === undefined || ref.namespace === '')) {
    throw new Error(`${resource.kind} "${ref.name}" is addressed without its namespace`);
  }
  const part = subresource ?? resource.subresource;
  const base = collectionPath(resource, resource.namespaced ? ref.namespace : undefined);
  return `${base}/${encodeURIComponent(ref.name)}${part === undefined ? '' : `/${part}`}`;
}

/** Appends the members that have a value. */
export function withQuery(path: string, query: Query): string {
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value !== undefined) parameters.set(key, String(value));
  const text = parameters.toString();
  return text === '' ? path : `${path}?${text}`;
}
