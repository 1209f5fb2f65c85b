import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { type Client, validatingWebhookConfigurations, type WebhookConfiguration } from '../../src/kube/index.ts';
import { runCommand } from '../cluster/command.ts';
import { kubeconfig } from '../cluster/credentials.ts';
import { helmProgram } from '../cluster/goTools.ts';
import { chartFolder } from '../install/chart.ts';
import { PretendServiceProxy } from './gateKillPretend.ts';
import { ApiHarness, type LaunchOptions, type OperatorProcess, operatorNamespace, until } from './harness.ts';
import { KillingProxy } from './killingProxy.ts';
import { PretendNode, type PretendOptions } from './pretendNode.ts';
import { withoutNodeLifecycle } from './scale.ts';

const release = 'gr';
const account = `${release}-graceful-rollout`;
const configuration = `${account}-gate`;
const buildScript = path.resolve(import.meta.dirname, '../../scripts/build.ts');
/** How the world of a {@link GateHarness} is. */
export interface GateHarnessOptions extends PretendOptions {
  /** A pretended service proxy on the node, and the Service of the barrier; default: none to ask. */
  readonly withServiceProxy?: boolean;
  /** No pod ends while there is no operator: its preStop floor is longer than a restart takes, also on a machine that is slow. */
  readonly outlivesAbsences?: boolean;
}

/** From the death of an operator until the next one is ready, by `performance.now()`. */
export interface Absence {
  readonly fromMs: number;
  toMs: number;
}

/** The node that every pod of these tests names. */
export const pretendedNode = 'pretended';

/**
 * A control plane with the deletion gate as the chart installs it: its rules and conditions (by URL), the operator as a
 * ServiceAccount of its own behind a {@link KillingProxy}, and pods that become Ready with an address.
 */
export class GateHarness {
  readonly api: ApiHarness;
  readonly proxy: KillingProxy;
  /** Times without an operator, the last one open as long as it lasts. */
  readonly absences: Absence[];
  readonly #node: PretendNode;
  readonly #serviceProxy: PretendServiceProxy | undefined;
  readonly #launch: Pick<LaunchOptions, 'kubeconfig' | 'bundle'>;
  #operator: OperatorProcess | undefined;
  /** While nobody serves the webhooks. */
  #away = false;

  private constructor(
    api: ApiHarness,
    proxy: KillingProxy,
    node: PretendNode,
    launch: Pick<LaunchOptions, 'kubeconfig' | 'bundle'>,
    serviceProxy: PretendServiceProxy | undefined,
    absences: Absence[],
  ) {
    this.api = api;
    this.proxy = proxy;
    this.#node = node;
    this.#launch = launch;
    this.#serviceProxy = serviceProxy;
    this.absences = absences;
  }

  static async start(options: GateHarnessOptions = {}): Promise<GateHarness> {
    const rendered = renderGate();
    // Its failure is heard where it is awaited, also if the control plane fails before.
    rendered.catch(() => {});
    const api = await ApiHarness.start(withoutNodeLifecycle);
    try {
      const bundle = path.join(api.controlPlane.folder, 'operator.mjs');
      await runCommand([process.execPath, buildScript, '--entry', 'src/main.ts', '--outfile', bundle], { check: true });
      const proxy = await KillingProxy.start(api.controlPlane);
      await api.apply(accountObjects());
      const { stdout } = await api.kubectl(['create', 'token', account, '-n', operatorNamespace, '--duration=12h']);
      const file = path.join(api.controlPlane.folder, 'operator.kubeconfig');
      const cluster = { name: 'through-the-proxy', url: proxy.url, caPem: proxy.caPem };
      writeFileSync(file, kubeconfig(cluster, 'operator', stdout.trim()), { mode: 0o600 });
      await api.apply([byUrl(await rendered, api.ports.webhook)]);
      const absences: Absence[] = [];
      const client = options.outlivesAbsences === true ? waitingClient(api.client, absences) : api.client;
      const node = await PretendNode.start(client, pretendedNode, options);
      const isAsked = options.withServiceProxy === true;
      const serviceProxy = isAsked ? await PretendServiceProxy.start(api, pretendedNode) : undefined;
      return new GateHarness(api, proxy, node, { kubeconfig: file, bundle }, serviceProxy, absences);
    } catch (error) {
      await api.stop();
      throw error;
    }
  }

  /** Whether the operator serves its webhooks, as far as this test has seen to it. */
  get away(): boolean {
    return this.#away;
  }

  /** The service proxy of the node. */
  get serviceProxy(): PretendServiceProxy {
    if (this.#serviceProxy === undefined) throw new Error('there is no service proxy');
    return this.#serviceProxy;
  }

  get operator(): OperatorProcess {
    if (this.#operator === undefined) throw new Error('no operator was launched');
    return this.#operator;
  }

  /** How the operator is launched, with further flags. */
  options(args: readonly string[] = []): LaunchOptions {
    const gate = ['--gate-configuration', configuration];
    const barrier = this.#serviceProxy === undefined ? ['--barrier-max-nodes', '0'] : [];
    return { ...this.#launch, args: [...gate, ...barrier, ...args] };
  }

  /** Starts the operator; resolves when it is ready. */
  async launch(options: LaunchOptions = this.options()): Promise<OperatorProcess> {
    this.#operator = this.api.launchOperator(options);
    await this.#operator.untilReady();
    this.#away = false;
    const absence = this.absences.at(-1);
    if (absence?.toMs === Infinity) absence.toMs = performance.now();
    return this.#operator;
  }

  /** SIGKILL. Who asks for an eviction is let finish first: `asked` says when that is. */
  async kill(asked: Promise<unknown> = Promise.resolve()): Promise<void> {
    this.#away = true;
    await asked;
    this.absences.push({ fromMs: performance.now(), toMs: Infinity });
    await this.operator.kill();
  }

  /** Resolves when the deletions in these namespaces reach the gate: the API server reads its configuration by a watch. */
  async untilGated(namespaces: readonly string[]): Promise<void> {
    const { client, signal } = this.api;
    await until('the namespaces are gated', async () => {
      const found = await client.get(validatingWebhookConfigurations, { name: configuration }, { signal });
      const values = found.webhooks?.[0]?.namespaceSelector?.matchExpressions?.[0]?.values ?? [];
      return namespaces.every((namespace) => values.includes(namespace)) ? true : undefined;
    });
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }

  async stop(): Promise<void> {
    await this.#operator?.kill();
    await this.#serviceProxy?.stop();
    await this.#node.stop();
    await this.proxy.close();
    await this.api.stop();
  }
}

/** Deletes only while there is an operator, and a second after it came back: what it finds it has seen to by then. */
function waitingClient(client: Client, absences: readonly Absence[]): Client {
  const whenServed = async (signal: AbortSignal | undefined): Promise<void> => {
    for (;;) {
      const { toMs = 0 } = absences.at(-1) ?? {};
      if (performance.now() > toMs + 1_000) return;
      await sleep(50, undefined, signal === undefined ? {} : { signal });
    }
  };
  const waiting: Client['delete'] = async (resource, ref, options) => {
    await whenServed(options?.signal);
    return client.delete(resource, ref, options);
  };
  return new Proxy(client, {
    get: (target, name): unknown => {
      if (name === 'delete') return waiting;
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

async function renderGate(): Promise<WebhookConfiguration> {
  const helm = await helmProgram(3);
  const args = ['template', release, chartFolder, `--namespace=${operatorNamespace}`, '--kube-version=1.37.0'];
  const { stdout } = await runCommand([helm, ...args, '--show-only=templates/gate.yaml'], { check: true });
  const document = stdout.split('\n---\n').find((text) => text.includes('kind: ValidatingWebhookConfiguration'));
  return parse(document ?? '') as WebhookConfiguration;
}

function byUrl(rendered: WebhookConfiguration, port: number): WebhookConfiguration {
  return {
    ...rendered,
    webhooks: (rendered.webhooks ?? []).map((webhook) => ({
      ...webhook,
      clientConfig: { url: `https://127.0.0.1:${port}${webhook.clientConfig.service?.path ?? ''}` },
    })),
  };
}

function accountObjects(): readonly object[] {
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: account, namespace: operatorNamespace } },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: account },
      // What the operator may do is the install tests' business.
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ kind: 'ServiceAccount', name: account, namespace: operatorNamespace }],
    },
  ];
}
