import { expect, test } from 'vitest';
import { gateAloneStages } from '../gate/gateAloneStages.ts';
import { gateRig } from '../gate/gateTests.ts';
import { type Stage, untilSettled } from '../gate/stage.ts';
import { aPodOf, timed } from '../gate/timed.ts';
import { podTemplateOf } from '../gate/workload.ts';

/** What must be seen 7: what is not the gate's business is neither slowed down nor broken. */
const rig = gateRig();
const stages = gateAloneStages(rig);
/** Above what kubectl and a kubelet take on a busy machine (4.1 s were seen); a person's delete is held for up to 25 s. */
const SLACK_MS = 8000;

test('the deletion of a Deployment takes as long as without the gate', async () => {
  const { commands, namespace } = await stages.set('gate-exempt-deployment');
  const took = async (side: string): Promise<number> => {
    const wait = ['--cascade=foreground', '--timeout=60s'];
    return timed(() => commands.must(['delete', 'deployment', side, '-n', namespace, ...wait]));
  };
  const plain = await took('plain');
  expect(await took('protected'), `plain: ${plain} ms`).toBeLessThan(plain + SLACK_MS);
});

test('the deletion of a namespace takes as long as without the gate', async () => {
  const took = async (namespace: string, side: string): Promise<number> => {
    const stage = await stages.set(namespace, { sides: [side] });
    return timed(() => stage.commands.must(['delete', 'namespace', namespace, '--timeout=90s']));
  };
  const plain = await took('gate-exempt-plain', 'plain');
  expect(await took('gate-exempt-protected', 'protected'), `plain: ${plain} ms`).toBeLessThan(plain + SLACK_MS);
});

test('pods of Jobs and DaemonSets beside a target, and forced deletions, go at once', async () => {
  const { commands, namespace, ...stage } = await stages.set('gate-exempt-others', { change: { replicas: 2 } });
  const { server, image } = stage.workloads[0] ?? {};
  if (server === undefined || image === undefined) throw new Error('no workload');
  const template = (name: string): { readonly metadata: object; readonly spec: object } =>
    podTemplateOf({ namespace, name, server, image, replicas: 1 });
  const job = template('job');
  await commands.apply([
    {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'job', namespace },
      spec: { template: { ...job, spec: { ...job.spec, restartPolicy: 'Never' } } },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { name: 'daemon', namespace },
      spec: { selector: { matchLabels: { app: 'daemon' } }, template: template('daemon') },
    },
  ]);
  const full: Stage = { ...stage, commands, namespace };
  for (const app of ['job', 'daemon']) {
    await commands.must(['wait', 'pod', '-l', `app=${app}`, '-n', namespace, '--for=condition=Ready', '--timeout=60s']);
    const pod = await aPodOf(full, app);
    const took = await timed(() => commands.must(['delete', 'pod', pod, '-n', namespace, '--timeout=60s']));
    expect(took, `kubectl delete pod ${pod}`).toBeLessThan(SLACK_MS);
  }
  expect(await timed(() => commands.must(['delete', 'job', 'job', '-n', namespace, '--timeout=60s']))).toBeLessThan(
    SLACK_MS,
  );
  const forced = await aPodOf(full, 'protected');
  const force = ['--grace-period=0', '--force'];
  expect(await timed(() => commands.must(['delete', 'pod', forced, '-n', namespace, ...force]))).toBeLessThan(SLACK_MS);
  await untilSettled(full, 60_000);
});
