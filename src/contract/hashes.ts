import type { ResolvedContract } from '../api/index.ts';
import type { Deployment } from '../api/kubernetes.ts';
import { hashValue } from './canonicalJson.ts';

/** Same pod template (spec.template), same text, whatever the order of its keys. 16 hexadecimal digits. */
export function hashTemplate({ spec }: Deployment): string {
  return hashValue(spec.template);
}

/** Same contract, same text, whatever the order of its keys. 16 hexadecimal digits. */
export function hashContract(contract: ResolvedContract): string {
  return hashValue(contract);
}
