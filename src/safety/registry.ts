import type { Rule } from './rule.ts';
import { abruptStop } from './rules/abruptStop.ts';
import { autoscalerMinOne } from './rules/autoscalerMinOne.ts';
import { budgetBlocksDrain } from './rules/budgetBlocksDrain.ts';
import { budgetMissing } from './rules/budgetMissing.ts';
import { budgetSelectsNothing } from './rules/budgetSelectsNothing.ts';
import { budgetsOverlap } from './rules/budgetsOverlap.ts';
import { drainExceedsGrace } from './rules/drainExceedsGrace.ts';
import { drainMissing } from './rules/drainMissing.ts';
import { execWithoutShell } from './rules/execWithoutShell.ts';
import { graceCut } from './rules/graceCut.ts';
import { livenessGraceShort } from './rules/livenessGraceShort.ts';
import { livenessKillsStart } from './rules/livenessKillsStart.ts';
import { luckyProbe } from './rules/luckyProbe.ts';
import { mutableTag } from './rules/mutableTag.ts';
import { notReadyAddresses } from './rules/notReadyAddresses.ts';
import { preStopTakesGrace } from './rules/preStopTakesGrace.ts';
import { probePortUnknown } from './rules/probePortUnknown.ts';
import { probesIdentical } from './rules/probesIdentical.ts';
import { progressDeadlineShort } from './rules/progressDeadlineShort.ts';
import { readinessGateMissing } from './rules/readinessGateMissing.ts';
import { readinessProbeMissing } from './rules/readinessProbeMissing.ts';
import { recreate } from './rules/recreate.ts';
import { replicasFightAutoscaler } from './rules/replicasFightAutoscaler.ts';
import { requestsMissing } from './rules/requestsMissing.ts';
import { rolloutEmptiesService } from './rules/rolloutEmptiesService.ts';
import { sharesRoundToLoss } from './rules/sharesRoundToLoss.ts';
import { shellKeepsSignal } from './rules/shellKeepsSignal.ts';
import { sidecarStopsFirst } from './rules/sidecarStopsFirst.ts';
import { singleReplica } from './rules/singleReplica.ts';
import { surgeUnschedulable } from './rules/surgeUnschedulable.ts';
import { targetPortUnknown } from './rules/targetPortUnknown.ts';
import { timeoutsDoNotNest } from './rules/timeoutsDoNotNest.ts';
import { waiverExpired } from './rules/waiverExpired.ts';
import { waiverMalformed } from './rules/waiverMalformed.ts';

/** Every rule, by code. */
export const RULES: readonly Rule[] = [
  readinessProbeMissing,
  probesIdentical,
  probePortUnknown,
  livenessKillsStart,
  livenessGraceShort,
  drainMissing,
  preStopTakesGrace,
  drainExceedsGrace,
  execWithoutShell,
  shellKeepsSignal,
  abruptStop,
  timeoutsDoNotNest,
  sidecarStopsFirst,
  graceCut,
  recreate,
  rolloutEmptiesService,
  sharesRoundToLoss,
  singleReplica,
  surgeUnschedulable,
  luckyProbe,
  progressDeadlineShort,
  replicasFightAutoscaler,
  autoscalerMinOne,
  budgetMissing,
  budgetBlocksDrain,
  budgetsOverlap,
  budgetSelectsNothing,
  targetPortUnknown,
  notReadyAddresses,
  readinessGateMissing,
  mutableTag,
  requestsMissing,
  waiverMalformed,
  waiverExpired,
];

/** The rule with this code, written in any case. */
export function ruleOf(code: string): Rule | undefined {
  return RULES.find((rule) => rule.code === code.toUpperCase());
}
