import type { EvidenceFiles } from '../load/keepEvidence.ts';
import type { LossReport } from '../load/lossReport.ts';

/** What the demo says at its end: where the picture is, how to look around, how to clean up. */
export function farewell(report: LossReport, files: EvidenceFiles, clusterName?: string): string {
  const command = `npm run cluster --${clusterName === undefined ? '' : ` --name ${clusterName}`}`;
  const namespace = `loss-${report.scenarios.at(-1)?.server ?? 'abrupt'}`;
  return [
    `picture of the time lines: ${files.picture}`,
    `data: ${files.data}${files.proxyLogs.length > 0 ? `, kube-proxy's logs: ${files.proxyLogs.join(', ')}` : ''}`,
    '',
    'Look around:',
    `  ${command} kubectl get gr -A`,
    `  ${command} kubectl -n ${namespace} describe gr protected`,
    `  ${command} kubectl -n ${namespace} get deployments,pods`,
    `  ${command} kubectl explain gracefulrollout.spec`,
    'Clean up:',
    `  ${command} down`,
  ].join('\n');
}

/** Sentences for the rows that did not show what they must; empty when the demo succeeded. */
export function failures(report: LossReport): string[] {
  return report.scenarios.flatMap((scenario) =>
    scenario.rows
      .filter((row) => !row.met)
      .map((row) => {
        const found = `${row.server}, ${row.side}, ${row.mode}: ${row.lost} of ${row.requests} lost, but this row ${row.expectation ?? ''}`;
        return row.side === 'plain'
          ? `FAILED ${found}: the rig does not show the loss that is there`
          : `FAILED ${found}: see the times in the data beside kube-proxy's logs`;
      }),
  );
}
