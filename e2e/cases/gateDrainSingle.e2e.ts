import { variantsOf } from '../gate/gateCases.ts';
import { gateRig, testVariants } from '../gate/gateTests.ts';

/** What must be seen 1 and 2: kubectl drain, 1 replica that needs 10 s to start. */
testVariants(gateRig(), variantsOf('drain-single'));
