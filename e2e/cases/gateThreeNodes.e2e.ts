import { afterAll } from 'vitest';
import { type Cluster, ensureCluster } from '../cluster/index.ts';
import { variantsOf } from '../gate/gateCases.ts';
import { gateRig, testVariants } from '../gate/gateTests.ts';
import { installOperator } from '../install/index.ts';
import { clusterUnderTest, onProgress } from './clusterUnderTest.ts';

/** What must be seen 1 and 2: two drains at once, which takes three workers: a cluster of its own, beside the other. */
let cluster: Cluster | undefined;

const rig = gateRig(async () => {
  const { name, kubernetes, proxyMode } = await clusterUnderTest();
  cluster = await ensureCluster({ name: `${name}-three`, nodes: 3, kubernetes, proxyMode, onProgress });
  await installOperator(cluster, { onProgress });
  return { cluster };
});

afterAll(async () => {
  await cluster?.down();
});

testVariants(rig, variantsOf('two-drains'));
