import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readChart } from './chartFlags.ts';

test("the operator gets the chart's flags, and the gate and the warnings call it by URL", () => {
  const golden = join(import.meta.dirname, '../charts/graceful-rollout/golden/default.yaml');
  const { args, configurations } = readChart(readFileSync(golden, 'utf8'), 9443);
  expect(args).toEqual(
    expect.arrayContaining([
      '--leader-elect',
      '--gate-configuration=graceful-rollout-gate',
      '--warnings-configuration=graceful-rollout-warnings',
      '--log-level=info',
    ]),
  );
  expect(
    args.filter((arg) => /^--(webhook-port|health-port|namespace|webhook-service|barrier-service)=/.test(arg)),
  ).toEqual([]);
  expect(configurations).toHaveLength(2);
  const text = JSON.stringify(configurations);
  expect(text).toContain('"url":"https://127.0.0.1:9443/');
  expect(text).not.toContain('"service":{');
});
