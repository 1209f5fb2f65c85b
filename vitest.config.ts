import { defineConfig } from 'vitest/config';
import { SlowestFirst } from './scripts/slowestFirst.ts';

/** The operator killed at each of the gate's writes: minutes, so a project of its own, for `npm run e2e -- --full`. */
const kills = 'e2e/api/gateKills.api.test.ts';

/**
 * `unit`: pure, no network beyond loopback. `api`: real etcd + kube-apiserver, started once by the global set-up.
 * `cluster`: real nodes, the operator installed by its chart; one file at a time, because load figures share the CPUs.
 */
export default defineConfig({
  test: {
    sequence: { sequencer: SlowestFirst },
    // A list that differs is shown, not "[ Array(1) ]": CI keeps only the first line.
    chaiConfig: { truncateThreshold: 0 },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'e2e/**/*.test.ts', 'bench/**/*.test.ts', 'scripts/**/*.test.ts'],
          exclude: ['**/*.api.test.ts', '**/node_modules/**'],
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'api',
          include: ['src/**/*.api.test.ts', 'e2e/**/*.api.test.ts'],
          exclude: [kills, '**/node_modules/**'],
          globalSetup: ['e2e/cluster/vitestGlobalSetup.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          // They wait more than they compute: with two, two CPUs are half idle.
          maxWorkers: 3,
        },
      },
      {
        test: {
          name: 'kills',
          include: [kills],
          globalSetup: ['e2e/cluster/vitestGlobalSetup.ts'],
          testTimeout: 900_000,
          hookTimeout: 900_000,
          maxWorkers: 1,
        },
      },
      {
        test: {
          name: 'cluster',
          include: ['e2e/cases/**/*.e2e.ts'],
          fileParallelism: false,
          maxWorkers: 1,
          testTimeout: 900_000,
          hookTimeout: 1_800_000,
        },
      },
    ],
  },
});
