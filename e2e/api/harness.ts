import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, createClient, loadKubeConfig } from '../../src/kube/index.ts';
import { type ControlPlane, type ControlPlaneOptions, startControlPlane } from '../cluster/controlPlane.ts';
import { freePorts } from '../cluster/freePorts.ts';

const root = path.resolve(import.meta.dirname, '../..');
/** Where the operator's Secret is. */
export const operatorNamespace = 'graceful-rollout-system';

/** How a program ended. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where an operator on this machine is reached. */
export interface OperatorPorts {
  readonly webhook: number;
  readonly health: number;
}

/** What differs from the operator of this source with its usual flags. */
export interface LaunchOptions {
  readonly args?: readonly string[];
  /** As whom, and by which way, it talks to the API server. Default: the administrator, directly. */
  readonly kubeconfig?: string;
  /** One more beside the one that the webhook configurations name. */
  readonly beside?: OperatorPorts;
  /** The folder that holds `main.ts`: another version of the operator. Default: `src`. */
  readonly sources?: string;
  /** Instead of the sources: the operator in one file, which starts sooner. */
  readonly bundle?: string;
}

/** A control plane of its own with the CRD, the webhook configuration (by URL) and the operator as a child process. */
export class ApiHarness {
  readonly controlPlane: ControlPlane;
  readonly client: Client;
  readonly #signal: AbortSignal;
  /** Of the operator that the webhook configurations name. */
  readonly ports: OperatorPorts;
  #operator: OperatorProcess | undefined;
  readonly #others: OperatorProcess[] = [];

  private constructor(controlPlane: ControlPlane, client: Client, ports: OperatorPorts, signal: AbortSignal) {
    this.controlPlane = controlPlane;
    this.client = client;
    this.ports = ports;
    this.#signal = signal;
  }

  static async start(options: ControlPlaneOptions = {}): Promise<ApiHarness> {
    const version = process.env['KUBERNETES_VERSION'];
    const controlPlane = await startControlPlane({
      withControllerManager: true,
      ...(version === undefined || version === '' ? {} : { version }),
      ...options,
    });
    try {
      const signal = new AbortController().signal;
      const client = createClient({
        connection: await loadKubeConfig({ path: controlPlane.kubeconfigPath }, signal),
        userAgent: 'graceful-rollout-test',
        fieldManager: 'graceful-rollout-test',
      });
      const [webhook, health] = (await freePorts(2)) as [number, number];
      const harness = new ApiHarness(controlPlane, client, { webhook, health }, signal);
      await harness.#prepare();
      return harness;
    } catch (error) {
      await controlPlane.stop();
      throw error;
    }
  }

  async #prepare(): Promise<void> {
    await this.apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: operatorNamespace } }]);
    await this.kubectl(['apply', '--server-side', '-f', path.join(root, 'crds')]);
    // kubectl wait fails on a CRD that has no status yet; served means that its objects can be listed.
    await until('the CRD is served', async () => {
      const listed = await this.kubectl(['get', 'gracefulrollouts', '-A'], { allowFailure: true });
      return listed.code === 0 ? true : undefined;
    });
    await this.apply([
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'graceful-rollout-webhook-tls', namespace: operatorNamespace },
      },
      this.webhookConfiguration(),
    ]);
  }

  webhookConfiguration(): object {
    return {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingWebhookConfiguration',
      metadata: { name: 'graceful-rollout' },
      webhooks: [
        {
          name: 'deployments.graceful-rollout.io',
          clientConfig: { url: `https://127.0.0.1:${this.ports.webhook}/mutate-deployments` },
          rules: [
            { apiGroups: ['apps'], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['deployments'] },
          ],
          matchConditions: [
            {
              name: 'not-the-deployment-controller',
              expression: "request.userInfo.username != 'system:serviceaccount:kube-system:deployment-controller'",
            },
          ],
          failurePolicy: 'Ignore',
          timeoutSeconds: 2,
          sideEffects: 'NoneOnDryRun',
          reinvocationPolicy: 'Never',
          admissionReviewVersions: ['v1'],
        },
      ],
    };
  }

  /** Starts the operator from source and returns when it is ready, the webhook trusted by the API server included. */
  async startOperator(options: LaunchOptions = {}): Promise<OperatorProcess> {
    const operator = this.launchOperator(options);
    await operator.untilReady();
    return operator;
  }

  /** Starts it and does not wait. */
  launchOperator(options: LaunchOptions = {}): OperatorProcess {
    const { args: extraArgs = [], sources = path.join(root, 'src'), beside } = options;
    const { kubeconfig = this.controlPlane.kubeconfigPath, bundle = path.join(sources, 'main.ts') } = options;
    const ports = beside ?? this.ports;
    if (beside === undefined && this.#operator?.ended === false) throw new Error('the operator runs already');
    const args = [
      ...['--kubeconfig', kubeconfig, '--namespace', operatorNamespace],
      ...['--webhook-port', String(ports.webhook), '--health-port', String(ports.health)],
      ...['--webhook-name', '127.0.0.1', '--listen', '127.0.0.1', '--drain-seconds', '0', '--log-level', 'debug'],
      ...extraArgs,
    ];
    const logFile = path.join(this.controlPlane.folder, 'operator.log');
    const operator = new OperatorProcess([bundle, ...args], ports.health, logFile);
    if (beside === undefined) this.#operator = operator;
    else this.#others.push(operator);
    return operator;
  }

  async stop(): Promise<void> {
    for (const operator of [this.#operator, ...this.#others]) await operator?.kill();
    await this.client.close();
    await this.controlPlane.stop();
  }

  /** Runs kubectl; rejects when it fails, unless `allowFailure`. */
  async kubectl(
    args: readonly string[],
    options: { readonly input?: string; readonly allowFailure?: boolean } = {},
  ): Promise<CommandResult> {
    return this.run(this.controlPlane.kubectl, args, options);
  }

  /** Runs a program that finds the cluster through `KUBECONFIG` (kubectl, helm). */
  async run(
    program: string,
    args: readonly string[],
    options: { readonly input?: string; readonly allowFailure?: boolean } = {},
  ): Promise<CommandResult> {
    const child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, KUBECONFIG: this.controlPlane.kubeconfigPath },
    });
    child.stdin.end(options.input ?? '');
    const read = async (stream: NodeJS.ReadableStream): Promise<string> => {
      let text = '';
      for await (const chunk of stream) text += String(chunk);
      return text;
    };
    const [stdout, stderr, code] = await Promise.all([read(child.stdout), read(child.stderr), exitOf(child)]);
    if (code !== 0 && options.allowFailure !== true) {
      throw new Error(`${path.basename(program)} ${args.join(' ')} ended with ${code}: ${stderr || stdout}`);
    }
    return { code, stdout, stderr };
  }

  /** `kubectl apply` of objects (client-side), with the warnings it printed in `stderr`. */
  async apply(objects: readonly object[], flags: readonly string[] = []): Promise<CommandResult> {
    const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
    return this.kubectl(['apply', ...flags, '-f', '-'], { input });
  }

  /** A signal for calls of {@link client} in tests. */
  get signal(): AbortSignal {
    return this.#signal;
  }
}

/** The operator as a process against the real API server. */
export class OperatorProcess {
  readonly #child: ChildProcess;
  readonly #exit: Promise<number>;
  readonly #healthPort: number;
  ended = false;

  constructor(args: readonly string[], healthPort: number, logFile: string) {
    this.#healthPort = healthPort;
    this.#child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const log = createWriteStream(logFile, { flags: 'a' });
    this.#child.stdout?.pipe(log, { end: false });
    this.#child.stderr?.pipe(log, { end: false });
    this.#exit = exitOf(this.#child).then((code) => {
      this.ended = true;
      log.end();
      return code;
    });
  }

  async untilReady(deadlineMs = 30_000): Promise<void> {
    const endMs = performance.now() + deadlineMs;
    let answer = 'no answer yet';
    while (performance.now() < endMs) {
      if (this.ended) throw new Error('the operator ended before it was ready: see operator.log');
      try {
        const response = await fetch(`http://127.0.0.1:${this.#healthPort}/readyz?verbose`);
        if (response.ok) return;
        answer = await response.text();
      } catch (error) {
        answer = String(error);
      }
      await sleep(50);
    }
    throw new Error(`the operator was not ready after ${deadlineMs} ms: ${answer}`);
  }

  async metrics(): Promise<string> {
    return (await fetch(`http://127.0.0.1:${this.#healthPort}/metrics`)).text();
  }

  /** SIGKILL: no shutdown, nothing is finished. */
  async kill(): Promise<void> {
    if (this.ended) return;
    this.#child.kill('SIGKILL');
    await this.#exit;
  }

  /** SIGTERM; resolves with the exit code. */
  async terminate(): Promise<number> {
    this.#child.kill('SIGTERM');
    return this.#exit;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }
}

function exitOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}

/** Asks again until the answer is not `undefined`; the error says what was waited for. */
export async function until<T>(what: string, ask: () => Promise<T | undefined>, deadlineMs = 20_000): Promise<T> {
  const endMs = performance.now() + deadlineMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > endMs) throw new Error(`gave up after ${deadlineMs} ms waiting until ${what}`);
    await sleep(50);
  }
}
