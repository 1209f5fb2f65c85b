import { variantsOf } from '../gate/gateCases.ts';
import { gateRig, testVariants } from '../gate/gateTests.ts';

/** What must be seen 1 and 2: kubectl delete pod. */
testVariants(gateRig(), variantsOf('delete-pod'));
