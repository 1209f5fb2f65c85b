import { RULES, ruleOf } from '../safety/index.ts';
import { UsageError } from './problem.ts';

const WIDTH = 100;

/** The page of a rule, as text for a terminal. Throws {@link UsageError} for a code that no rule has. */
export function explain(code: string): string {
  const rule = ruleOf(code);
  if (rule === undefined) {
    throw new UsageError(`there is no rule ${code}; known are ${RULES.map((known) => known.code).join(', ')}`);
  }
  const paragraphs = [
    `${rule.code} ${rule.name}: ${rule.title}`,
    `${rule.severity}, level ${rule.level}, in the rule set since ${rule.since}; judges ${rule.appliesTo.join(', ')}`,
    `Why: ${rule.why}`,
    `Example of what it finds:\n\n${rule.example.trimEnd().replaceAll(/^(?=.)/gmu, '    ')}`,
    `What to do: ${rule.fixText}`,
    rule.code.startsWith('GR9')
      ? 'It cannot be waived.'
      : `To waive it on one object, with a reason and a last day:\n\n    metadata:\n      annotations:\n        graceful-rollout.io/waive: ${rule.code} REASON until=YYYY-MM-DD`,
  ];
  return `${paragraphs.map(wrap).join('\n\n')}\n`;
}

function wrap(text: string): string {
  return text
    .split('\n')
    .map((line) => (line.startsWith(' ') ? line : wrapLine(line)))
    .join('\n');
}

function wrapLine(line: string): string {
  const lines: string[] = [];
  let current = '';
  for (const word of line.split(' ')) {
    if (current !== '' && current.length + 1 + word.length > WIDTH) {
      lines.push(current);
      current = word;
    } else current = current === '' ? word : `${current} ${word}`;
  }
  return [...lines, current].join('\n');
}
