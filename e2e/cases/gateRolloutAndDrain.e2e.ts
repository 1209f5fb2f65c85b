import { variantsOf } from '../gate/gateCases.ts';
import { gateRig, testVariants } from '../gate/gateTests.ts';

/** What must be seen 1 and 2: a rollout and a drain at once. */
testVariants(gateRig(), variantsOf('rollout-and-drain'));
