import { variantsOf } from '../gate/gateCases.ts';
import { gateRig, testVariants } from '../gate/gateTests.ts';

/** What must be seen 1 and 2: scale 6 to 2. */
testVariants(gateRig(), variantsOf('scale-down'));
