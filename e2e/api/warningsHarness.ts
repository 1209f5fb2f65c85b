import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { WebhookConfiguration } from '../../src/kube/index.ts';
import { runCommand } from '../cluster/command.ts';
import { helmProgram } from '../cluster/goTools.ts';
import { chartFolder } from '../install/chart.ts';
import { ApiHarness, type CommandResult, operatorNamespace, until } from './harness.ts';

export const warningsConfiguration = 'graceful-rollout-warnings';
/** What the operator is started with. */
export const warningsFlags: readonly string[] = ['--warnings-configuration', warningsConfiguration];

/** An API server that writes an audit log, with the rules and conditions of the warnings as the chart renders them. */
export class WarningsHarness {
  readonly api: ApiHarness;
  readonly #folder: string;

  private constructor(api: ApiHarness, folder: string) {
    this.api = api;
    this.#folder = folder;
  }

  /** Without `auditLog` the API server does not spend its time on one, and {@link auditAnnotationsOf} finds nothing. */
  static async start({ auditLog = true } = {}): Promise<WarningsHarness> {
    const folder = mkdtempSync(join(tmpdir(), 'warnings-'));
    const policyFile = join(folder, 'policy.json');
    const policy = {
      apiVersion: 'audit.k8s.io/v1',
      kind: 'Policy',
      omitStages: ['RequestReceived'],
      rules: [{ level: 'Metadata', verbs: ['create'], resources: [{ group: 'apps' }] }, { level: 'None' }],
    };
    writeFileSync(policyFile, JSON.stringify(policy));
    const extraArgs = [
      `--audit-policy-file=${policyFile}`,
      `--audit-log-path=${join(folder, 'audit.log')}`,
      '--audit-log-mode=blocking-strict',
    ];
    const api = await ApiHarness.start(auditLog ? { extraArgs } : {});
    await api.apply([await configurationFor(api.ports.webhook)]);
    return new WarningsHarness(api, folder);
  }

  async stop(): Promise<void> {
    await this.api.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** The annotations of the audit log's newest entry about the creation of this object. */
  auditAnnotationsOf(namespace: string, name: string): Readonly<Record<string, string>> {
    const lines = readFileSync(join(this.#folder, 'audit.log'), 'utf8').trim().split('\n');
    const entries = lines.map((line) => JSON.parse(line) as AuditEntry);
    const entry = entries.findLast(({ objectRef }) => objectRef.namespace === namespace && objectRef.name === name);
    if (entry === undefined) throw new Error(`the audit log knows nothing of ${namespace}/${name}`);
    return entry.annotations ?? {};
  }

  /** Waits until a dry run of these objects prints, or does not print, this text: the operator's caches follow the API server. */
  async untilDryRun(objects: readonly object[], says: (stderr: string) => boolean): Promise<void> {
    const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
    let last = '';
    const dryRun = async (): Promise<true | undefined> => {
      const args = ['apply', '--dry-run=server', '-f', '-'];
      last = (await this.api.kubectl(args, { input, allowFailure: true })).stderr;
      return says(last) ? true : undefined;
    };
    await until('the operator has seen what was written', dryRun).catch((error: unknown) => {
      throw new Error(`a dry run printed: ${last}`, { cause: error });
    });
  }

  /** Argo Rollouts' kind as far as the API server is concerned; none of its controllers runs. */
  async serveRollouts(): Promise<void> {
    await this.api.apply([rolloutDefinition]);
    await until('Rollouts are served', async () => {
      const listed = await this.api.kubectl(['get', 'rollouts.argoproj.io', '-A'], { allowFailure: true });
      return listed.code === 0 ? true : undefined;
    });
  }

  /** How long the API server waits for the webhook of the warnings. */
  async timeoutMs(): Promise<number> {
    const args = ['get', 'validatingwebhookconfiguration', warningsConfiguration];
    const { stdout } = await this.api.kubectl([...args, '-o', 'jsonpath={.webhooks[0].timeoutSeconds}']);
    return 1_000 * Number(stdout);
  }

  /** In the operator's place, somebody who takes connections and never says a word. Returns how to end it. */
  async listenMutely(): Promise<() => Promise<void>> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {}); // the API server hangs up
    });
    server.listen(this.api.ports.webhook, '127.0.0.1');
    await once(server, 'listening');
    return async () => {
      if (sockets.size === 0) throw new Error('nobody called');
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    };
  }

  /** The kubectl plugin from its source, as a user would run it. */
  plugin(args: readonly string[], input = ''): Promise<CommandResult> {
    const main = join(import.meta.dirname, '../../src/cli/main.ts');
    return this.api.run(process.execPath, [main, ...args], { input, allowFailure: true });
  }
}

/** The CustomResourceDefinition of Argo's Rollouts, whose schema takes everything. */
export const rolloutDefinition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'rollouts.argoproj.io' },
  spec: {
    group: 'argoproj.io',
    scope: 'Namespaced',
    names: { kind: 'Rollout', plural: 'rollouts', singular: 'rollout', shortNames: ['ro'] },
    versions: [
      {
        name: 'v1alpha1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
};

interface AuditEntry {
  readonly objectRef: { readonly namespace?: string; readonly name?: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

/** The findings that kubectl printed, one line each, without its `Warning: `. */
export function warningsIn(stderr: string): readonly string[] {
  return stderr.split('\n').flatMap((line) => (line.startsWith('Warning: ') ? [line.slice('Warning: '.length)] : []));
}

async function configurationFor(port: number): Promise<object> {
  const helm = await helmProgram(3);
  const args = [
    'template',
    'graceful-rollout',
    chartFolder,
    `--namespace=${operatorNamespace}`,
    '--kube-version=1.37.0',
  ];
  const { stdout } = await runCommand([helm, ...args, '--show-only=templates/warnings.yaml'], { check: true });
  const rendered = parse(stdout) as WebhookConfiguration;
  return {
    ...rendered,
    webhooks: (rendered.webhooks ?? []).map((webhook) => ({
      ...webhook,
      clientConfig: { url: `https://127.0.0.1:${port}${webhook.clientConfig.service?.path ?? ''}` },
    })),
  };
}
