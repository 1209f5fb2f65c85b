import { gateRig, testVariants } from '../gate/gateTests.ts';

/** What must be seen 5: kube-proxy stands still for 8 s; the gate waits for it, a fixed preStop sleep of 5 s does not. */
testVariants(gateRig(), [{ case: 'slow-proxy', server: 'abrupt', mode: 'new-connection', termination: 'gate-alone' }]);
