import { setTimeout as sleep } from 'node:timers/promises';
import type { Deployment } from '../../src/api/kubernetes.ts';
import { type Client, createInformer, deployments } from '../../src/kube/index.ts';

/** What a watch saw of Deployments; nothing can hide between two reads. */
export class TemplateWatch {
  readonly #client: Client;
  readonly #namespace: string | undefined;
  readonly #stop = new AbortController();
  readonly #seen = new Map<string, { template: string; templates: string[]; versions: number; version: string }>();
  #running: Promise<void> = Promise.resolve();

  private constructor(client: Client, namespace: string | undefined) {
    this.#client = client;
    this.#namespace = namespace;
  }

  /** Starts to watch one namespace, or all. */
  static async start(client: Client, namespace?: string): Promise<TemplateWatch> {
    const watch = new TemplateWatch(client, namespace);
    const informer = createInformer<Deployment>({
      client,
      resource: deployments,
      ...(namespace === undefined ? {} : { namespace }),
    });
    informer.onChange((key, { new: now }) => {
      if (now !== undefined) watch.#note(key, now);
    });
    watch.#running = informer.run(watch.#stop.signal);
    await informer.waitForSync(watch.#stop.signal);
    return watch;
  }

  /** Every pod template that the Deployment had, in order; a return to an earlier one counts again. */
  templatesOf(namespace: string, name = 'web'): readonly string[] {
    return this.#seen.get(`${namespace}/${name}`)?.templates ?? [];
  }

  /** Versions of the Deployment that the watch saw (status writes included). */
  versionsOf(namespace: string, name = 'web'): number {
    return this.#seen.get(`${namespace}/${name}`)?.versions ?? 0;
  }

  keys(): readonly string[] {
    return [...this.#seen.keys()];
  }

  /** Resolves once the newest version was seen here and nothing has changed for `quietMs`. */
  async settled(namespace: string, name = 'web', quietMs = 400): Promise<void> {
    const ref = { namespace, name };
    const endMs = performance.now() + 20_000;
    let stable = '';
    let sinceMs = performance.now();
    while (performance.now() < endMs) {
      const live = await this.#client.get(deployments, ref, { signal: this.#stop.signal });
      const newest = live.metadata.resourceVersion ?? '';
      const seen = this.#seen.get(`${namespace}/${name}`)?.version;
      if (newest !== stable || seen !== newest) sinceMs = performance.now();
      stable = newest;
      if (performance.now() - sinceMs > quietMs) return;
      await sleep(50);
    }
    throw new Error(`${this.#namespace ?? ''} ${namespace}/${name} still changes after 20 s`);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  #note(key: string, { metadata, spec }: Deployment): void {
    const template = JSON.stringify(spec.template);
    const known = this.#seen.get(key) ?? { template: '', templates: [], versions: 0, version: '' };
    if (template !== known.template) known.templates.push(template);
    known.template = template;
    known.versions += 1;
    known.version = metadata.resourceVersion ?? '';
    this.#seen.set(key, known);
  }
}
