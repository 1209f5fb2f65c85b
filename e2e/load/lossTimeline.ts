/** The picture: for every server and way to connect, what became of the requests of both Deployments over time. */

import type { LossReport, LossRow, LossScenarioResult } from './lossReport.ts';
import { BUCKET_MS } from './plan.ts';

const WIDTH = 1200;
const LEFT = 20;
const RIGHT = 20;
const LANE_HEIGHT = 64;
const LANE_GAP = 34;
/** Full rate fills this much of a lane, so that the rollouts behind show above it. */
const FULL_RATE_HEIGHT = 52;
const PANEL_HEAD = 44;
const PANEL_FOOT = 34;
const TITLE_HEIGHT = 78;
/** A single lost request must be seen. */
const LOSS_MINIMUM_HEIGHT = 3;

const COLOURS = {
  text: '#1f2933',
  faint: '#697586',
  answered: '#a9bdd1',
  lost: '#d1242f',
  rollout: '#fff1c9',
  terminating: '#c98a00',
  axis: '#9aa5b1',
};

/** The report as one SVG document (UTF-8 text, no scripts, no outside references). */
export function lossTimeline(report: LossReport): string {
  const panels: string[] = [];
  let y = TITLE_HEIGHT;
  for (const scenario of report.scenarios) {
    panels.push(panel(scenario, y));
    y += panelHeight(scenario.rows.length);
  }
  const height = y + 20;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="13" fill="${COLOURS.text}" shape-rendering="crispEdges">`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    text(
      LEFT,
      26,
      'Requests during rolling restarts: plain and protected under the same load',
      'font-size="18" font-weight="600"',
    ),
    text(
      LEFT,
      46,
      `Kubernetes ${report.kubernetes}, kube-proxy ${report.proxyMode}, ${report.nodes} nodes; one column = ${BUCKET_MS} ms`,
      `fill="${COLOURS.faint}"`,
    ),
    legend(LEFT, 64),
    ...panels,
    text(LEFT, y + 4, report.note, `fill="${COLOURS.faint}"`),
    '</svg>',
    '',
  ].join('\n');
}

function legend(x: number, y: number): string {
  const entries: [string, string, number][] = [
    [COLOURS.answered, 'answered', 90],
    [COLOURS.lost, 'lost', 60],
    [COLOURS.rollout, 'rollout until the old pods are gone', 250],
    [COLOURS.terminating, 'a pod is terminating', 0],
  ];
  let at = x;
  return entries
    .map(([colour, label, advance]) => {
      const entry = `<rect x="${at}" y="${y - 10}" width="12" height="10" fill="${colour}"/>${text(at + 17, y, label, `fill="${COLOURS.faint}"`)}`;
      at += advance;
      return entry;
    })
    .join('');
}

function panelHeight(lanes: number): number {
  return PANEL_HEAD + lanes * (LANE_HEIGHT + LANE_GAP) + PANEL_FOOT;
}

function panel(scenario: LossScenarioResult, top: number): string {
  const { rows } = scenario;
  const fromMs = scenario.idleEndedAtMs;
  const untilMs = Math.max(scenario.finishedAtMs, fromMs + 1);
  const x = (atMs: number): number => round(LEFT + ((atMs - fromMs) / (untilMs - fromMs)) * (WIDTH - LEFT - RIGHT));
  const bottom = top + panelHeight(rows.length) - PANEL_FOOT;
  return [
    text(LEFT, top + 22, `${scenario.server}, ${scenario.mode}`, 'font-size="15" font-weight="600"'),
    ...rows.map((row, index) => lane(row, x, top + PANEL_HEAD + index * (LANE_HEIGHT + LANE_GAP))),
    axis(x, fromMs, untilMs, bottom),
  ].join('\n');
}

function lane(row: LossRow, x: (atMs: number) => number, top: number): string {
  const base = top + 16 + LANE_HEIGHT;
  const full = Math.max(1, ...row.buckets.map((bucket) => bucket.due));
  // A little more than a column, or rounding leaves gaps between them.
  const fullWidth = round(x(BUCKET_MS) - x(0)) + 0.5;
  const columns: string[] = [];
  for (const bucket of row.buckets) {
    const left = x(bucket.atMs);
    const columnWidth = Math.min(fullWidth, WIDTH - RIGHT - left);
    if (left < LEFT || columnWidth <= 0) continue;
    const height = round((bucket.due / full) * FULL_RATE_HEIGHT);
    columns.push(rect(left, base - height, columnWidth, height, COLOURS.answered));
    if (bucket.lost === 0) continue;
    const lostHeight = Math.max(LOSS_MINIMUM_HEIGHT, round((bucket.lost / full) * FULL_RATE_HEIGHT));
    columns.push(rect(left, base - lostHeight, columnWidth, lostHeight, COLOURS.lost));
  }
  const classes = Object.entries(row.byClass)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ');
  return [
    text(
      LEFT,
      top + 10,
      `${row.side}: ${row.lost} of ${row.requests} lost (${row.lostPercent.toFixed(2)} %)${classes === '' ? '' : `: ${classes}`}`,
    ),
    ...row.rollouts.map((rollout) =>
      rect(
        x(rollout.startedAtMs),
        base - LANE_HEIGHT,
        x(rollout.settledAtMs) - x(rollout.startedAtMs),
        LANE_HEIGHT,
        COLOURS.rollout,
      ),
    ),
    ...columns,
    ...row.podEnds.map((end) =>
      rect(
        x(end.terminatingAtMs),
        base + 2,
        Math.max(1, x(end.goneAtMs) - x(end.terminatingAtMs)),
        3,
        COLOURS.terminating,
      ),
    ),
  ].join('\n');
}

function axis(x: (atMs: number) => number, fromMs: number, untilMs: number, y: number): string {
  const marks: string[] = [`<line x1="${LEFT}" y1="${y}" x2="${WIDTH - RIGHT}" y2="${y}" stroke="${COLOURS.axis}"/>`];
  for (let second = 0; second * 1000 <= untilMs - fromMs; second += 5) {
    const at = x(fromMs + second * 1000);
    marks.push(`<line x1="${at}" y1="${y}" x2="${at}" y2="${y + 4}" stroke="${COLOURS.axis}"/>`);
    marks.push(text(at, y + 17, `${second} s`, `fill="${COLOURS.faint}" font-size="11" text-anchor="middle"`));
  }
  return marks.join('\n');
}

function rect(x: number, y: number, width: number, height: number, fill: string): string {
  return `<rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" fill="${fill}"/>`;
}

function text(x: number, y: number, content: string, attributes = ''): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return `<text x="${x}" y="${y}"${attributes === '' ? '' : ` ${attributes}`}>${escaped}</text>`;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
