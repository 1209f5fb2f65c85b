import type { Evidence } from '../../gate/types.ts';

/** Ends that the margins are computed from, per GracefulRollout. */
const KEPT = 200;

/** The last ends of pods of each GracefulRollout, newest last; bounded per object. */
export class EvidenceLog {
  readonly #byClaim = new Map<string, Evidence[]>();

  add(claim: string, evidence: Evidence): void {
    const kept = this.#byClaim.get(claim) ?? [];
    const others = kept.filter(({ uid }) => uid !== evidence.uid);
    this.#byClaim.set(claim, [...others, evidence].slice(-KEPT));
  }

  of(claim: string): readonly Evidence[] {
    return this.#byClaim.get(claim) ?? [];
  }

  forget(claim: string): void {
    this.#byClaim.delete(claim);
  }
}
