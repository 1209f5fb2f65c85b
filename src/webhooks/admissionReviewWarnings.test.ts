import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sanitizeWarnings } from './admissionReviewWarnings.ts';

const runes = (text: string): number => Array.from(text).length;

describe('sanitizeWarnings', () => {
  it('leaves ordinary warnings alone, in order', () => {
    expect(sanitizeWarnings(['shop/web: grace 30s is raised to 60s', 'b'])).toEqual([
      'shop/web: grace 30s is raised to 60s',
      'b',
    ]);
  });

  it('makes one line of several and drops what is empty or said before', () => {
    expect(sanitizeWarnings(['a\n\tb\u0000c', '', ' \n ', 'a b c', 'x\u2028y\u009fz'])).toEqual(['a b c', 'x y z']);
  });

  it('marks where it cut, and counts runes, not UTF-16 units', () => {
    expect(sanitizeWarnings(['😀'.repeat(256)])).toEqual(['😀'.repeat(256)]);
    expect(sanitizeWarnings(['😀'.repeat(257)])).toEqual([`${'😀'.repeat(255)}…`]);
  });

  it('says how many did not fit', () => {
    const many = Array.from({ length: 100 }, (_, i) => `${i} ${'x'.repeat(97)}`);
    const kept = sanitizeWarnings(many);
    expect(kept.at(-1)).toBe(`${101 - kept.length} more warnings are not shown`);
    expect(kept.slice(0, -1)).toEqual(many.slice(0, kept.length - 1));
    expect(kept.length).toBeGreaterThan(39);
  });

  it('always gives what the API server takes', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 400 }),
      fc.string({ unit: 'grapheme', minLength: 200, maxLength: 300 }),
    );
    fc.assert(
      fc.property(fc.array(text, { maxLength: 40 }), (warnings) => {
        const kept = sanitizeWarnings(warnings);
        expect(new Set(kept).size).toBe(kept.length);
        expect(runes(kept.join(''))).toBeLessThanOrEqual(4096);
        for (const line of kept) {
          expect(line).not.toMatch(/\p{Cc}/u);
          expect(line.isWellFormed()).toBe(true);
          expect(runes(line)).toBeGreaterThan(0);
          expect(runes(line)).toBeLessThanOrEqual(256);
        }
      }),
      { numRuns: 500 },
    );
  });
});
