import { parse } from 'yaml';
import { operatorNamespace } from '../e2e/api/harness.ts';
import { runCommand } from '../e2e/cluster/command.ts';
import { helmProgram } from '../e2e/cluster/goTools.ts';
import { chartFolder, defaultRelease } from '../e2e/install/chart.ts';

/** As much of a rendered object as is used here. */
interface Rendered {
  readonly kind: string;
  readonly webhooks?: readonly { readonly clientConfig: { readonly service: { readonly path: string } } }[];
  readonly spec?: {
    readonly template?: { readonly spec: { readonly containers: readonly { readonly args: string[] }[] } };
  };
}

/** What the chart would install, for an operator that runs as a process on this machine. */
export interface ChartOnThisMachine {
  /** The container's arguments but for ports and addresses, which the harness says. */
  readonly args: readonly string[];
  /** The webhook configurations of the gate and the warnings, by URL. */
  readonly configurations: readonly object[];
}

/** Flags whose value is the harness's own: there is no Service here to be called through, and no proxy to ask. */
const replaced = /^--(webhook-port|health-port|namespace|webhook-service|barrier-service|barrier-max-nodes)=/;

/** The chart with its default values, as the operator in a pod gets it. */
export async function chartOnThisMachine(webhookPort: number): Promise<ChartOnThisMachine> {
  const args = ['template', defaultRelease, chartFolder, `--namespace=${operatorNamespace}`, '--kube-version=1.37.0'];
  const { stdout } = await runCommand([await helmProgram(3), ...args], { check: true });
  return readChart(stdout, webhookPort);
}

/** The same from what Helm rendered. */
export function readChart(rendered: string, webhookPort: number): ChartOnThisMachine {
  const objects = rendered.split(/^---$/m).map((text) => parse(text) as Rendered | null);
  const container = objects.find((object) => object?.kind === 'Deployment')?.spec?.template?.spec.containers[0];
  if (container === undefined) throw new Error('the chart renders no Deployment');
  return {
    args: [...container.args.filter((arg) => !replaced.test(arg)), '--barrier-max-nodes=0'],
    configurations: objects.flatMap((object) =>
      object?.kind === 'ValidatingWebhookConfiguration' ? [byUrl(object, webhookPort)] : [],
    ),
  };
}

function byUrl(configuration: Rendered, port: number): object {
  const webhooks = (configuration.webhooks ?? []).map((webhook) => ({
    ...webhook,
    clientConfig: { url: `https://127.0.0.1:${port}${webhook.clientConfig.service.path}` },
  }));
  return { ...configuration, webhooks };
}
