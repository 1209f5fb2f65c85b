import { randomBytes } from 'node:crypto';
import { type ClientOf, isConflict, type Secret, secrets } from '../../kube/index.ts';
import type { Clock, Logger } from '../../runtime/index.ts';

/** Where the key is in the Secret. */
export const GATE_KEY = 'gate-key';

const KEY_BYTES = 32;
/** A key that another replica, or a restored backup, put there is noticed after this time. */
const REREAD_MS = 60_000;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 10_000;
/** Rounds without a pause, when somebody else wrote first. */
const CONFLICT_ROUNDS = 5;

export interface StateKeyOptions {
  readonly client: Pick<ClientOf<Secret>, 'find' | 'update'>;
  readonly namespace: string;
  /** The Secret that the chart makes and the certificates share. */
  readonly secretName: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The key that signs what the gate keeps on pods; one for all replicas. */
export interface StateKey {
  /** As last read; undefined before the first read. */
  current(): Buffer | undefined;
  /** As last read, or as soon as it is; rejects with the signal's reason. */
  get(signal: AbortSignal): Promise<Buffer>;
  /** Reads the Secret now, for a signature that does not fit; makes the key where there is none. */
  read(signal: AbortSignal): Promise<Buffer>;
  /** Every replica runs it: reads the key, makes it where there is none, and reads it again from time to time. */
  run(signal: AbortSignal): Promise<void>;
}

/** Nothing is asked of the API server before `run` or `read`. */
export function createStateKey(options: StateKeyOptions): StateKey {
  const { client, clock, log, namespace, secretName } = options;
  let key: Buffer | undefined;
  const waiting = new Set<(key: Buffer) => void>();

  const learn = (found: Buffer): Buffer => {
    if (key !== undefined && !key.equals(found)) {
      log.warn('the key of the gate has changed: drains that were signed with the old one are not recognized', {
        namespace,
        name: secretName,
      });
    }
    key = found;
    for (const resolve of waiting) resolve(found);
    waiting.clear();
    return found;
  };

  const read = async (signal: AbortSignal): Promise<Buffer> => {
    for (let round = 0; round < CONFLICT_ROUNDS; round++) {
      const secret = await client.find(secrets, { namespace, name: secretName }, { signal });
      if (secret === undefined) {
        throw new Error(`Secret ${namespace}/${secretName} is missing: install it again with the chart`);
      }
      const found = keyIn(secret);
      if (found !== undefined) return learn(found);
      if (secret.data?.[GATE_KEY] !== undefined) {
        log.error('the key of the gate is not one and is replaced', { namespace, name: secretName });
      }
      const made = await putKey(client, secret, signal);
      if (made === undefined) continue;
      log.info('made the key of the gate', { namespace, name: secretName });
      return learn(made);
    }
    throw new Error(`Secret ${namespace}/${secretName} was written by others ${CONFLICT_ROUNDS} times in a row`);
  };

  return {
    current: () => key,
    read,
    get(signal) {
      if (key !== undefined) return Promise.resolve(key);
      return new Promise((resolve, reject) => {
        const stop = (): void => {
          waiting.delete(done);
          reject(signal.reason instanceof Error ? signal.reason : new Error('the wait for the key was cancelled'));
        };
        const done = (found: Buffer): void => {
          signal.removeEventListener('abort', stop);
          resolve(found);
        };
        if (signal.aborted) return stop();
        waiting.add(done);
        signal.addEventListener('abort', stop, { once: true });
      });
    },
    async run(signal) {
      let retryMs = FIRST_RETRY_MS;
      while (!signal.aborted) {
        let waitMs = REREAD_MS;
        try {
          await read(signal);
          retryMs = FIRST_RETRY_MS;
        } catch (error) {
          if (isAborted(signal)) return;
          log.error('the key of the gate cannot be read, will try again', { retryInMs: retryMs, err: error });
          waitMs = retryMs;
          retryMs = Math.min(2 * retryMs, LAST_RETRY_MS);
        }
        await Promise.allSettled([clock.sleep(waitMs, signal)]);
      }
    },
  };
}

function keyIn(secret: Secret): Buffer | undefined {
  const key = Buffer.from(secret.data?.[GATE_KEY] ?? '', 'base64');
  return key.length === KEY_BYTES ? key : undefined;
}

/** Undefined where somebody wrote since `secret` was read. */
async function putKey(
  client: Pick<ClientOf<Secret>, 'update'>,
  secret: Secret,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  const { namespace, name, resourceVersion } = secret.metadata;
  // Without it an update would overwrite the key that another replica has just made.
  if (resourceVersion === undefined) throw new Error(`Secret ${namespace}/${name} was read without a resourceVersion`);
  const made = randomBytes(KEY_BYTES);
  const data = { ...secret.data, [GATE_KEY]: made.toString('base64') };
  try {
    await client.update(secrets, { ...secret, data }, { signal });
    return made;
  } catch (error) {
    if (isConflict(error)) return undefined;
    throw error;
  }
}

/** Asked again after an await: the compiler takes the loop's condition for still true. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
