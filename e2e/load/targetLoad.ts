import { Connection, type ExchangeEnd } from './connection.ts';
import { classifyFailure, type LossClass } from './lossClass.ts';
import type { Loss, TargetPlan } from './plan.ts';
import type { SourcePorts } from './sourcePorts.ts';
import type { Tally } from './tally.ts';

/** Monotonic milliseconds to wall clock, fixed once per process so that a clock step does not tear the time line. */
const WALL_OFFSET_MS = Date.now() - performance.now();

/** Wall clock (milliseconds since 1970) of a `performance.now()` time. */
export function wallMs(monotonicMs: number): number {
  return WALL_OFFSET_MS + monotonicMs;
}

/** What an exchange came to: `undefined` = the right answer. */
export function judge(end: ExchangeEnd, target: TargetPlan): { lossClass: LossClass; detail: string } | undefined {
  switch (end.kind) {
    case 'failed':
      return { lossClass: classifyFailure(end.seen), detail: end.seen.code ?? end.seen.end };
    case 'malformed':
      return { lossClass: 'malformed-response', detail: end.detail };
    case 'response': {
      const { status, body, pod } = end.response;
      if (status >= 500) return { lossClass: 'server-error', detail: String(status) };
      if (status !== 200) return { lossClass: 'wrong-status', detail: String(status) };
      if (body !== target.expectedBody) return { lossClass: 'wrong-body', detail: JSON.stringify(body.slice(0, 80)) };
      if (target.podPrefix !== undefined && pod?.startsWith(target.podPrefix) !== true) {
        return { lossClass: 'wrong-body', detail: `answered by ${pod ?? 'a server that is no pod of the rig'}` };
      }
      return undefined;
    }
    default:
      return end satisfies never;
  }
}

/** Sends the requests of one target, each to the tally of the stretch it was due in. */
export class TargetLoad {
  readonly #plan: TargetPlan;
  readonly #sources: SourcePorts;
  readonly #timeoutMs: number;
  readonly #request: string;
  readonly #poolSize: number;
  /** Idle connections, the longest idle first: each is used in turn, so that all of them stay in use. */
  readonly #idle: Connection[] = [];
  readonly #open = new Set<Connection>();
  #stopping = false;
  #tally: Tally | undefined;

  constructor(plan: TargetPlan, sources: SourcePorts, timeoutMs: number) {
    this.#plan = plan;
    this.#sources = sources;
    this.#timeoutMs = timeoutMs;
    this.#poolSize = plan.mode === 'keep-alive' ? (plan.poolSize ?? 32) : 0;
    const connection = plan.mode === 'keep-alive' ? 'keep-alive' : 'close';
    this.#request = `GET ${plan.path} HTTP/1.1\r\nHost: ${plan.name}\r\nConnection: ${connection}\r\n\r\n`;
  }

  /** Sends one request now. @param dueMs monotonic time at which it was due. */
  send(dueMs: number, tally: Tally): void {
    this.#tally = tally;
    tally.onSent(wallMs(dueMs), performance.now() - dueMs);
    const connection = this.#take(tally);
    connection.send(this.#request, this.#timeoutMs, (end) => {
      const nowMs = performance.now();
      const problem = judge(end, this.#plan);
      if (problem === undefined) {
        tally.onAnswered(wallMs(dueMs), nowMs - dueMs, end.kind === 'response' ? end.response.pod : undefined);
      } else {
        const { source } = connection;
        const loss: Loss = {
          dueAtMs: Math.round(wallMs(dueMs)),
          lostAtMs: Math.round(wallMs(nowMs)),
          ...problem,
          source,
        };
        tally.onLost(loss);
      }
      if (end.kind === 'response' && !end.response.close) this.#putBack(connection);
    });
  }

  /** Closes what is idle now and everything else when its exchange is over. */
  stop(): void {
    this.#stopping = true;
    for (const connection of this.#idle.splice(0)) connection.close();
  }

  /** A pooled connection, the longest idle one, unless the pool is not full yet: then a new one. */
  #take(tally: Tally): Connection {
    const pooled = this.#open.size >= this.#poolSize ? this.#idle.shift() : undefined;
    if (pooled !== undefined) return pooled;
    tally.connectionsOpened++;
    const { host, port } = this.#plan;
    const connection: Connection = new Connection(host, port, this.#sources, () => {
      this.#open.delete(connection);
      const at = this.#idle.indexOf(connection);
      if (at < 0) return;
      this.#idle.splice(at, 1);
      if (!this.#stopping && this.#tally !== undefined) this.#tally.closedWhileIdle++;
    });
    this.#open.add(connection);
    return connection;
  }

  #putBack(connection: Connection): void {
    if (this.#plan.mode === 'new-connection' || this.#stopping || this.#open.size > this.#poolSize) connection.close();
    else this.#idle.push(connection);
  }
}
