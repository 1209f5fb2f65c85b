/** The termination contract: what a target must hold, how it gets there and how it is given back. Pure; no I/O. */
export {
  type AdmissionDecision,
  type AdmissionInput,
  type AdmissionKind,
  decideAdmission,
  type GoverningRollout,
} from './admission.ts';
export { giveBack } from './authorIntent.ts';
export { canonicalJson, hashValue, sameJson } from './canonicalJson.ts';
export { electRollout } from './elect.ts';
export { describeWriter, type FieldWriter } from './fieldOwner.ts';
export { givenBack } from './givenBack.ts';
export { hashContract, hashTemplate } from './hashes.ts';
export { hookSleep, longestHookSeconds } from './preStopHook.ts';
export { type Applied, applyContract, raiseStored } from './raise.ts';
export { raisedValueFindings } from './raisedValueFindings.ts';
export { readRecord, writeRecord } from './record.ts';
export { type Resolution, type ResolveInput, resolveContract } from './resolve.ts';
export { selects, servingContainers } from './servingContainers.ts';
export { splitScript } from './shellScript.ts';
export { parseSleep, type Sleep } from './sleepCommand.ts';
export { surgeObstacle } from './surgeObstacle.ts';
export { type Budget, terminationBudget } from './terminationBudget.ts';
