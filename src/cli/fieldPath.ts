import type { Path } from '../safety/index.ts';

/** `name`, `[app]`, `[0]`, `["a.b/c"]`: one step of a field as findings write it. */
const STEP = /\.?([^.[\]]+)|\[("?)([^\]]*?)\2\]/gu;

/**
 * The path of a field as people read it (`spec.template.spec.containers[app].readinessProbe`) in an object: an entry of a
 * list goes by its `name`, else by its number. It may lead to something that is not there.
 */
export function fieldPath(object: unknown, field: string): Path {
  const path: (string | number)[] = [];
  let at: unknown = object;
  for (const [, plain, , bracketed] of field.matchAll(STEP)) {
    const step = plain ?? bracketed ?? '';
    if (Array.isArray(at)) {
      const entries: readonly unknown[] = at;
      const named = entries.findIndex((entry) => memberOf(entry, 'name') === step);
      const index = named === -1 && /^\d+$/u.test(step) ? Number(step) : named;
      if (index === -1) return path;
      path.push(index);
      at = entries[index];
    } else {
      path.push(step);
      at = memberOf(at, step);
    }
  }
  return path;
}

function memberOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
}
