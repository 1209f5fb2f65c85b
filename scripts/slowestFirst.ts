import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Test files of minutes. Begun last, one alone would keep the others' workers idle to the end. */
const slow = ['scale.api.test.ts', 'gateFaults.api.test.ts', 'peace.api.test.ts', 'applyWays.api.test.ts'];

/** Vitest's own order (what took longest last time; in a fresh clone, the largest file), but for the known slow files first. */
export class SlowestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const rank = ({ moduleId }: TestSpecification): number => {
      const index = slow.findIndex((name) => moduleId.endsWith(`/${name}`));
      return index < 0 ? slow.length : index;
    };
    return sorted.toSorted((a, b) => rank(a) - rank(b));
  }
}
