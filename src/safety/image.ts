/** The parts of an image reference (distribution/reference): `registry/path/name:tag@digest`. */
export interface ImageReference {
  /** Everything before the tag, `registry.k8s.io/ingress-nginx/controller`. */
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
}

/** Undefined for what is no reference, such as `ko://` paths that a build replaces. Never throws. */
export function imageOf(image: string | undefined): ImageReference | undefined {
  if (image === undefined || image === '' || /\s|:\/\//.test(image)) return undefined;
  const [named = '', digest] = image.split('@', 2);
  const colon = named.lastIndexOf(':');
  // a colon before a slash is that of the registry's port
  const hasTag = colon > named.lastIndexOf('/');
  const repository = hasTag ? named.slice(0, colon) : named;
  return {
    repository,
    ...(hasTag ? { tag: named.slice(colon + 1) } : {}),
    ...(digest === undefined ? {} : { digest }),
  };
}

/** The last part of the repository: `nginx`. */
export function imageName(image: string | undefined): string | undefined {
  return imageOf(image)?.repository.split('/').at(-1);
}

/** Images that are known to have no shell and no `sleep`, by their name or tag; undefined: nobody knows. */
export function shelllessReason(image: string | undefined): string | undefined {
  const reference = imageOf(image);
  if (reference === undefined) return undefined;
  const { repository, tag = '' } = reference;
  // their :debug variants have a busybox, those of other publishers' -dev and -debug tags too
  if (/(^|[-_.])(debug|dev|shell|busybox)([-_.]|$)/.test(tag)) return undefined;
  if (/(^|[/_-])distroless([/_-]|$)/.test(repository) || /(^|[-_.])distroless([-_.]|$)/.test(tag)) return 'distroless';
  if (/(^|[-_.])scratch([-_.]|$)/.test(tag)) return 'scratch';
  return /(^|\/)chainguard\/static$/.test(repository) ? 'static' : undefined;
}
