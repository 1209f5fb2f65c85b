import { createClient, loadKubeConfig } from '../kube/index.ts';
import { LEVELS, SEVERITIES } from '../safety/index.ts';
import { version } from '../version.ts';
import { oneOf, readFlags } from './arguments.ts';
import { readCluster } from './auditRead.ts';
import { auditObjects, formatAudit } from './auditReport.ts';
import type { Io } from './io.ts';
import { FAIL_ON, printable } from './report.ts';

const AUDIT_OUTPUTS = ['text', 'json'] as const;

export const auditUsage = `kubectl graceful audit [flags]: what in this cluster will lose requests, by namespace

  -n, --namespace NAME   one namespace, with every finding; default: all, in numbers
  --details              every finding of all namespaces
  --level LEVEL          baseline: certain loss or breakage; strict: good practice too; default baseline
  -o, --output FORMAT    ${AUDIT_OUTPUTS.join(', ')}; default text
  --fail-on SEVERITY     ${FAIL_ON.join(', ')}: the mildest that makes the exit code 1; default never
  --kubeconfig FILE      default: KUBECONFIG, ~/.kube/config
  --context NAME         of the kubeconfig; default: its current one
  -h, --help

It lists workloads, Services, budgets, autoscalers, Ingresses, volume claims, pods, nodes and namespaces, and writes
nothing. What the user may not list is said, and the rules that need it are silent.
Exit code: 0 nothing at or above --fail-on, 1 findings, 2 wrong arguments or no answer from the cluster.
`;

/** Runs `audit`; the exit code. Throws `UsageError` for wrong arguments, and what `kube` throws without an answer. */
export async function audit(args: readonly string[], io: Io): Promise<number> {
  const { values: flags } = readFlags(args, {
    namespace: { type: 'string', short: 'n' },
    details: { type: 'boolean', default: false },
    level: { type: 'string', default: 'baseline' },
    output: { type: 'string', short: 'o', default: 'text' },
    'fail-on': { type: 'string', default: 'never' },
    kubeconfig: { type: 'string' },
    context: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  });
  if (flags.help) {
    io.out(auditUsage);
    return 0;
  }
  const output = oneOf('output', flags.output, AUDIT_OUTPUTS);
  const failOn = oneOf('fail-on', flags['fail-on'], FAIL_ON);
  const level = oneOf('level', flags.level, LEVELS);

  const connection = await loadKubeConfig(
    {
      ...(flags.kubeconfig === undefined ? {} : { path: flags.kubeconfig }),
      ...(flags.context === undefined ? {} : { context: flags.context }),
    },
    io.signal,
  );
  const client = createClient({
    connection,
    userAgent: `kubectl-graceful/${version}`,
    fieldManager: 'kubectl-graceful',
  });
  try {
    const read = await readCluster(client, flags.namespace, io.signal);
    const audits = auditObjects(read, { level, nowMs: io.nowMs() });
    for (const notice of read.notices) io.err(`warning: ${printable(notice)}\n`);
    io.out(
      output === 'json'
        ? `${JSON.stringify({ version: 1, namespaces: audits, notices: read.notices }, undefined, 2)}\n`
        : formatAudit(audits, flags.details || flags.namespace !== undefined),
    );
    const limit = SEVERITIES.findIndex((severity) => severity === failOn);
    const worst = audits.flatMap(({ findings }) => findings.map(({ severity }) => SEVERITIES.indexOf(severity)));
    return worst.some((rank) => rank <= limit) ? 1 : 0;
  } finally {
    await client.close();
  }
}
