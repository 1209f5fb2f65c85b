import { RULES } from './registry.ts';
import type { Rule } from './rule.ts';
import { LEVELS, RULE_SET_VERSIONS, WORKLOAD_KINDS } from './types.ts';
import { WAIVE_ANNOTATION } from './waivers.ts';

/** docs/reference/rules.md: every rule, with why, example, fix and how to waive. */
export function rulesPage(): string {
  return [
    '<!-- Generated from src/safety by `npm run generate`: do not edit. -->\n# Rules\n',
    'What is judged when a workload is written, in the status, by `kubectl graceful lint` and `kubectl graceful audit`: the same rules everywhere. A code keeps its meaning; the sentences may change. A rule that lacks what it needs to know (the Services of the namespace, say) says nothing.\n',
    `Levels: \`${LEVELS[0]}\` is certain loss of requests or certain breakage; \`${LEVELS[1]}\` adds what is good practice. Where a rule of \`${LEVELS[0]}\` is less certain of one finding, that finding is \`${LEVELS[1]}\`. Rule sets that a namespace may pin: ${RULE_SET_VERSIONS.map((version) => `\`${version}\``).join(', ')}.\n`,
    'A port or Service counts as one that only a scraper asks, and a Service as one without ordinary callers, if its name says so (metrics, prometheus, exporter, monitor, telemetry, scrape), or if it is headless.\n',
    '## Waivers\n',
    'On the object that is judged, an annotation with code, reason and last day (UTC); several are separated by a semicolon or a new line:\n',
    `\`\`\`yaml\nmetadata:\n  annotations:\n    ${WAIVE_ANNOTATION}: GR304 one pod is enough for this tool until=2027-01-31\n\`\`\`\n`,
    'One without a code that exists, without a reason or without a day is not in force ([GR901](#gr901)); one whose day is over neither ([GR902](#gr902)).\n',
    '## All rules\n',
    '| Code | Rule | Level | Severity | Fix |\n| --- | --- | --- | --- | --- |',
    ...RULES.map(
      ({ code, title, level, severity, hasFix }) =>
        `| [${code}](#${code.toLowerCase()}) | ${title} | ${level} | ${severity} | ${hasFix ? '`--fix`' : ''} |`,
    ),
    '',
    ...RULES.map(section),
  ].join('\n');
}

function section(rule: Rule): string {
  const { code, name, title, level, severity, since, appliesTo, why, example, fixText, hasFix } = rule;
  const kinds = appliesTo.length === WORKLOAD_KINDS.length ? 'every workload' : appliesTo.join(', ');
  return [
    `## ${code}\n`,
    `**${title}** (\`${name}\`)\n`,
    `${level}, ${severity}, since ${since}. Judged: ${kinds}.\n`,
    `${why}\n`,
    `\`\`\`yaml\n${example}\`\`\`\n`,
    `**What to do.** ${fixText}${hasFix ? ' `lint --fix` writes it.' : ''}\n`,
    code.startsWith('GR9')
      ? 'Cannot be waived.\n'
      : `**To waive it:** \`${WAIVE_ANNOTATION}: ${code} <reason> until=<YYYY-MM-DD>\`\n`,
  ].join('\n');
}
