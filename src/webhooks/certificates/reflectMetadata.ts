/**
 * The three functions of the metadata reflection proposal that tsyringe, which @peculiar/x509 is built on, refuses to load
 * without. A polyfill package would be one more dependency for two dozen lines.
 */
interface MetadataReflection {
  getMetadata?: (key: unknown, target: object) => unknown;
  getOwnMetadata?: (key: unknown, target: object) => unknown;
  defineMetadata?: (key: unknown, value: unknown, target: object) => void;
}

/** Adds them to `Reflect` unless a polyfill is there. */
export function installReflectMetadata(): void {
  const reflect: typeof Reflect & MetadataReflection = Reflect;
  if (reflect.getMetadata) return;
  const byTarget = new WeakMap<object, Map<unknown, unknown>>();
  const getOwn = (key: unknown, target: object): unknown => byTarget.get(target)?.get(key);
  reflect.getOwnMetadata = getOwn;
  reflect.getMetadata = (key, target) => {
    for (let at: object | null = target; at !== null; at = Object.getPrototypeOf(at) as object | null) {
      if (byTarget.get(at)?.has(key)) return getOwn(key, at);
    }
    return undefined;
  };
  reflect.defineMetadata = (key, value, target) => {
    const own = byTarget.get(target) ?? new Map<unknown, unknown>();
    byTarget.set(target, own.set(key, value));
  };
}
