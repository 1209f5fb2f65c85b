import { variantsOf } from '../gate/gateCases.ts';
import { gateRig, testVariants } from '../gate/gateTests.ts';

/** What must be seen 1 and 2: the rollout that brings the contract in is gated itself. */
testVariants(gateRig(), variantsOf('first-rollout'));
