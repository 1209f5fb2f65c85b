import { variantsOf } from '../gate/gateCases.ts';
import { gateRig, testVariants } from '../gate/gateTests.ts';

/** What must be seen 1 and 2: rollouts, with the gate alone and with the whole contract. */
const rig = gateRig();
testVariants(rig, [
  ...variantsOf('rollout'),
  { case: 'rollout', server: 'abrupt', mode: 'new-connection', termination: 'contract' },
]);
