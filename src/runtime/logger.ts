import { type DestinationStream, type Logger as PinoLogger, pino, stdSerializers } from 'pino';
import { textLine } from './logText.ts';

/** What may be logged beside the message. `err` is written with its stack and causes. */
export interface LogFields {
  readonly err?: unknown;
  readonly [field: string]: unknown;
}

/**
 * Structured log: the message is a constant, everything that varies goes into `fields` (`namespace`, `name`, `uid`, ...).
 * Fields whose names say that they hold a secret are written as `[redacted]`.
 */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds `fields` to each of its lines. */
  child(fields: LogFields): Logger;
}

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** `json`: one object per line, for collectors. `text`: one readable line, for people. */
export const LOG_FORMATS = ['json', 'text'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

export interface LoggerOptions {
  /** Default `info`. */
  readonly level?: LogLevel;
  /** Default `json`. */
  readonly format?: LogFormat;
  /** Where complete lines go; default stdout. */
  readonly write?: (line: string) => void;
}

const SECRET_FIELDS = ['token', 'authorization', 'password', 'secret', 'privateKey', 'clientKey', 'kubeconfig'];

/** Pino in this process: no transport, no worker thread (each would cost memory and lose lines at a crash). */
export function createLogger(options: LoggerOptions = {}): Logger {
  const write = options.write ?? ((line: string) => void process.stdout.write(line));
  const destination: DestinationStream =
    options.format === 'text' ? { write: (line) => write(textLine(line)) } : { write };
  const logger = pino(
    {
      level: options.level ?? 'info',
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: stdSerializers.errWithCause },
      redact: { paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]), censor: '[redacted]' },
    },
    destination,
  );
  return adapt(logger);
}

/** A logger that writes nothing. */
export const silentLogger: Logger = createLogger({ level: 'silent', write: () => undefined });

function adapt(logger: PinoLogger): Logger {
  return {
    debug: (message, fields = {}) => logger.debug(fields, message),
    info: (message, fields = {}) => logger.info(fields, message),
    warn: (message, fields = {}) => logger.warn(fields, message),
    error: (message, fields = {}) => logger.error(fields, message),
    child: (fields) => adapt(logger.child(fields)),
  };
}
