/**
 * What a lost request was, as a client sees it. A request is lost when its exact answer did not come back, whatever
 * the cause: nothing is retried, so every loss is one that a caller would have seen.
 */

/** Meaning and remedy of each class of loss. `endpointRemoval`: could taking the pod out of its Services in time have prevented it? */
export const LOSS_CLASSES = {
  'connect-refused': {
    meaning: 'nothing listened at the address any more (or not yet)',
    remedy: 'stop sending to the pod before its SIGTERM: the termination contract',
    endpointRemoval: true,
  },
  'connect-unreachable': {
    meaning: 'the network answered that there is no such host',
    remedy: 'stop sending to the pod before its SIGTERM: the termination contract',
    endpointRemoval: true,
  },
  'connect-timeout': {
    meaning: 'no answer to the connection attempt within the time limit: the pod is gone and nothing says so',
    remedy: 'stop sending to the pod before its SIGTERM: the termination contract',
    endpointRemoval: true,
  },
  reset: {
    meaning: 'a fresh connection was reset before the server took the request',
    remedy: 'stop sending to the pod before its SIGTERM: the termination contract',
    endpointRemoval: true,
  },
  'idle-closed': {
    meaning: 'an idle keep-alive connection was closed just as the request was sent on it',
    remedy:
      'the server answers with "Connection: close" for a while before it closes what is idle, or the client repeats a request whose reused connection died',
    endpointRemoval: false,
  },
  unanswered: {
    meaning: 'the server took the request and closed the connection without a byte of an answer (an abrupt exit)',
    remedy: 'the server finishes what it has taken before it exits on SIGTERM',
    endpointRemoval: false,
  },
  'cut-in-response': {
    meaning: 'the connection ended in the middle of the answer (an abrupt exit)',
    remedy: 'the server finishes what it has taken before it exits on SIGTERM',
    endpointRemoval: false,
  },
  'response-timeout': {
    meaning:
      'connected, but the answer was not complete within the time limit: the server is too busy, or gone without a word',
    remedy: 'look at the server, its CPU and the time of its end',
    endpointRemoval: false,
  },
  'server-error': {
    meaning: 'the answer had a 5xx status',
    remedy: 'look at the server: it answered, with an error',
    endpointRemoval: false,
  },
  'wrong-status': {
    meaning: 'the answer had a status that is neither 200 nor 5xx',
    remedy: 'look at the server: it answered something else',
    endpointRemoval: false,
  },
  'wrong-body': {
    meaning: 'the answer was not the expected one: another server, or another version of the request',
    remedy: 'look for an address that was given to another pod while connections still went to it',
    endpointRemoval: false,
  },
  'malformed-response': {
    meaning: 'the answer was not HTTP/1.1 with a Content-Length',
    remedy: 'look at the server',
    endpointRemoval: false,
  },
  rig: {
    meaning: 'the generator itself failed (no free port, no free descriptor, unknown error): the run measures nothing',
    remedy: 'mend the rig and run again',
    endpointRemoval: false,
  },
} as const satisfies Record<string, { meaning: string; remedy: string; endpointRemoval: boolean }>;

/** One class of loss. */
export type LossClass = keyof typeof LOSS_CLASSES;

/** What was seen of an exchange when its connection failed; input of {@link classifyFailure}. */
export interface FailureSeen {
  /** The connection was established. */
  readonly connected: boolean;
  /** The connection had carried an answer before. */
  readonly reused: boolean;
  /** Bytes of this answer that had arrived. */
  readonly responseBytes: number;
  /** How it ended: the time limit, the peer's FIN, its FIN followed by a RST, or a socket error (with its code). */
  readonly end: 'timeout' | 'fin' | 'fin-then-rst' | 'error';
  /** Errno name for `end: 'error'`, such as ECONNREFUSED. */
  readonly code?: string;
}

/**
 * Names the loss. What tells a server that had taken the request from one that had not is the RST: a kernel that gets
 * data for a closed socket, or closes a socket with unread data, answers RST; one that closes a socket whose data was
 * read sends only FIN.
 */
export function classifyFailure(seen: FailureSeen): LossClass {
  if (!seen.connected) return classifyConnectFailure(seen);
  if (seen.end === 'timeout') return 'response-timeout';
  if (seen.responseBytes > 0) return 'cut-in-response';
  if (seen.end === 'fin') return 'unanswered';
  if (seen.end === 'error') {
    if (seen.code === 'EHOSTUNREACH' || seen.code === 'ENETUNREACH') return 'connect-unreachable';
    if (seen.code === 'ETIMEDOUT') return 'response-timeout';
    // Refused though connected: kube-proxy rejects (ICMP) what still comes on it once the Service has no endpoint (seen).
    if (!['ECONNRESET', 'EPIPE', 'ECONNREFUSED'].includes(seen.code ?? '')) return 'rig';
  }
  return seen.reused ? 'idle-closed' : 'reset';
}

function classifyConnectFailure(seen: FailureSeen): LossClass {
  if (seen.end === 'timeout') return 'connect-timeout';
  switch (seen.code ?? '') {
    case 'ECONNREFUSED':
      return 'connect-refused';
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'connect-unreachable';
    case 'ETIMEDOUT':
      return 'connect-timeout';
    case 'ECONNRESET':
    case 'EPIPE':
      return 'reset';
    default:
      return 'rig';
  }
}
