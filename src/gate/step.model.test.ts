import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { controllerOf } from './stepFacts.ts';
import { SimLeader } from './testing/leader.ts';
import { TICK_MS, World } from './testing/world.ts';

type Act = (world: World, leader: SimLeader) => void;

/** After the last act: an evictor asks for 200 s, is missed after 300 s more, and then there are the deadlines. */
const quietTicks = 700_000 / TICK_MS;

const index = fc.nat(7);
const evict = fc.tuple(index, fc.constantFrom(3, 30, 200)).map(
  ([at, seconds]): Act =>
    (world) =>
      world.askFor('Eviction', at, seconds, false),
);
const remove = fc.tuple(index, fc.integer({ min: 1, max: 25 }), fc.boolean()).map(
  ([at, seconds, abandons]): Act =>
    (world) =>
      world.askFor('Delete', at, seconds, abandons),
);
const scale = fc.nat(5).map(
  (replicas): Act =>
    (world) =>
      world.scale(replicas),
);
const rollOut = fc.constant<Act>((world) => world.rollOut());
/** At the leader's next write, which may have arrived or not; it is missed for so many ticks. */
function crashes(...ticks: readonly number[]): fc.Arbitrary<Act> {
  return fc.record({ applied: fc.boolean(), ticks: fc.constantFrom(...ticks) }).map(
    (how): Act =>
      (_, leader) => {
        leader.crash = how;
      },
  );
}
const switched = fc.constantFrom('Gate' as const, 'Off' as const).map(
  (mode): Act =>
    (world) => {
      world.mode = mode;
    },
);
const refuses = fc.constantFrom('Nothing' as const, 'HandOver' as const, 'Isolation' as const).map(
  (refusing): Act =>
    (world) => {
      world.refusing = refusing;
    },
);
/** Isolated pods are selected again, and pods in drain no more. */
const reselections = [[], [{ app: 'web' }], [{ tier: 'front' }], [{ app: 'web' }, { zone: 'a' }]] as const;
const reselect = fc.constantFrom(...reselections).map(
  (selectors): Act =>
    (world) =>
      world.reselect(selectors),
);
const jump = fc.constantFrom(-3_600_000, -20_000, 20_000, 3_600_000).map(
  (ms): Act =>
    (world) => {
      world.jumpMs += ms;
    },
);

const selectors = fc.constantFrom(
  [],
  [{ app: 'web' }],
  [{ app: 'web' }, { app: 'web', tier: 'front' }],
  [{ app: 'web', zone: 'a' }, { tier: 'front' }],
);

function worlds(acts: fc.Arbitrary<Act>) {
  return fc.record({
    replicas: fc.integer({ min: 1, max: 4 }),
    selectors,
    local: fc.boolean(),
    minAvailable: fc.option(fc.nat(3), { nil: undefined }),
    countsUntilTick: fc.constantFrom(Infinity, Infinity, 0, 100),
    minReady: fc.option(fc.nat(3), { nil: undefined }),
    replacementTimeoutSeconds: fc.option(fc.constantFrom(2, 20, 100), { nil: undefined }),
    seed: fc.nat(),
    startTicks: fc.constantFrom(1, 10, 40),
    duds: fc.constantFrom(0, 0, 3, 10),
    acts: fc.array(fc.tuple(fc.nat(30), acts), { minLength: 1, maxLength: 8 }),
  });
}
type Run = ReturnType<typeof worlds> extends fc.Arbitrary<infer T> ? T : never;

function play(
  { acts, minReady, minAvailable, replacementTimeoutSeconds, ...options }: Run,
  each: (world: World) => void = () => {},
): SimLeader {
  const world = new World({ ...options, ...(minAvailable === undefined ? {} : { minAvailable }) });
  const settings = {
    timeoutSeconds: 60,
    ...(minReady === undefined ? {} : { minReady }),
    ...(replacementTimeoutSeconds === undefined ? {} : { replacementTimeoutSeconds }),
  };
  const leader = new SimLeader(world, settings);
  const tick = (): void => {
    world.step();
    leader.step();
    each(world);
  };
  for (const [ticks, act] of acts) {
    for (let left = ticks; left > 0; left -= 1) tick();
    act(world, leader);
  }
  for (let left = quietTicks, quiet = 0; left > 0 && quiet < 60; left -= 1) {
    tick();
    quiet = world.isQuiet ? quiet + 1 : 0;
  }
  for (const { view } of world.pods.values()) {
    // The last ready endpoint, whose ReplicaSet does not want it back, of a Deployment whose new pods never become Ready.
    if (replacementTimeoutSeconds === undefined && world.stateOf(view)?.path === 'Eviction' && world.isLast(view))
      continue;
    expect(world.stateOf(view), `left behind on ${view.metadata.name}`).toBeUndefined();
    expect(controllerOf(view)?.kind).toBe('ReplicaSet');
  }
  for (const { uid, replicas } of world.replicaSets) expect(world.ownedBy(uid), uid).toHaveLength(replicas);
  return leader;
}

/** So often that a run without them would not be worth much. */
const often = [
  ...['ScaleDown', 'Eviction', 'Delete'].flatMap((path) =>
    ['HandOver', 'Isolate', 'VerifySlices', 'VerifyProxies', 'Wait'].map((step) => `${path}: ${step}`),
  ),
  ...['ScaleDown: Cancel', 'ScaleDown: LetGo', 'Eviction: LetGo', 'Eviction: GiveBack', 'Eviction: ConfirmReplacement'],
  ...['Eviction: AskBudget', 'Eviction: Isolate, unmet', 'Delete: GiveBack', 'Delete: MarkDrained'],
  ...['ScaleDown: LetGo, LastOnNode', 'Eviction: LetGo, LastOnNode', 'Delete: MarkDrained, LastOnNode'],
].sort();

describe('the gate in a small cluster where everything is late', () => {
  it('keeps its promises, whatever is asked, and ends every drain', () => {
    const seen = new Set<string>();
    const all = fc.oneof(evict, evict, remove, scale, rollOut, reselect, reselect, crashes(1, 10, 90), switched);
    fc.assert(
      fc.property(worlds(all), (run) => {
        for (const step of play(run).steps) seen.add(step);
      }),
      { numRuns: 800 },
    );
    expect([...seen].sort()).toEqual(expect.arrayContaining(often));
  }, 60_000);

  it('lets every pod go verified, and goes below no budget, when pods are only evicted', () => {
    fc.assert(
      fc.property(worlds(fc.oneof(evict, evict, crashes(1, 5))), (run) => {
        const budgeted = run.minAvailable ?? 0;
        const floor = Math.min(budgeted, run.replicas);
        const forEver = { ...run, minReady: undefined, replacementTimeoutSeconds: undefined };
        const leader = play(forEver, (world) => {
          if (world.leaderDeadTicks === 0) {
            expect(world.serving({ app: 'web' }).length).toBeGreaterThanOrEqual(floor);
          }
        });
        const allowed = run.local ? ['Verified', 'LastOnNode'] : ['Verified'];
        expect(leader.outcomes.filter((outcome) => !allowed.includes(outcome))).toEqual([]);
      }),
      { numRuns: 100 },
    );
  }, 60_000);

  it('ends every drain where a policy refuses what it does to pods', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(
        worlds(fc.oneof(evict, remove, remove, scale, rollOut, refuses, crashes(1, 10))),
        refuses,
        (run, act) => {
          for (const step of play({ ...run, acts: [[0, act], ...run.acts] }).steps) seen.add(step);
        },
      ),
      { numRuns: 300 },
    );
    expect([...seen]).toEqual(
      expect.arrayContaining(['ScaleDown: LetGo, Refused', 'Eviction: LetGo, Refused', 'Delete: MarkDrained, Refused']),
    );
  }, 60_000);

  it('verifies what Services and selectors that come and go all the time do to pods in drain', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(worlds(fc.oneof(evict, remove, rollOut, crashes(1, 10))), (run) => {
        const { steps } = play(run, (world) => {
          const choice = reselections[Math.floor(world.chance() * reselections.length * 4)];
          if (world.tick < 300 && choice !== undefined) world.reselect(choice);
        });
        for (const step of steps) seen.add(step);
      }),
      { numRuns: 200 },
    );
    const rare = ['Eviction', 'Delete'].flatMap((path) => [`${path}: Isolate, again`, `${path}: Isolate, no label`]);
    expect([...seen].sort()).toEqual(expect.arrayContaining(rare));
  }, 60_000);

  it('ends every drain when the clock jumps, and lets no isolated pod go unverified for it', () => {
    fc.assert(
      fc.property(worlds(fc.oneof(evict, remove, rollOut, jump, jump, crashes(1, 10, 90))), (run) => {
        expect(play(run).outcomes).not.toContain('DeadlinePassed');
      }),
      { numRuns: 200 },
    );
  }, 60_000);
});
