/** What an attempt met. Whatever an endpoint can do is one of these (`docs`: reliability-security, section 8). */
export type Outcome =
  /** A final head was complete; what the body did afterwards does not matter. `retryAfterMs`: 0 to 24 h. */
  | { kind: 'responded'; status: number; retryAfterMs?: number }
  | { kind: 'timed_out'; phase: Phase; afterMs: number }
  | { kind: 'unreachable'; cause: UnreachableCause; detail: UnreachableDetail }
  /** Something came back that is no HTTP response. */
  | { kind: 'invalid_response' }
  /** Stopped by our own side: its signal, `mayWrite`, or `close()`. */
  | { kind: 'interrupted' }
  /** The address policy refused the URL or an address of its name: nothing was sent, and nothing finer is told. */
  | { kind: 'blocked' }

/** How far an attempt had come when its deadline passed. */
export type Phase = 'dns' | 'connect' | 'tls' | 'headers'

export type UnreachableCause = 'dns' | 'refused' | 'reset' | 'tls'

export type UnreachableDetail = keyof typeof causeOf

const causeOf = {
  dns_not_found: 'dns',
  dns_failed: 'dns',
  connect_refused: 'refused',
  connect_unreachable: 'refused',
  connection_reset: 'reset',
  tls_expired: 'tls',
  tls_name: 'tls',
  tls_untrusted: 'tls',
  tls_handshake: 'tls',
} as const satisfies Record<string, UnreachableCause>

export function unreachable(detail: UnreachableDetail): Outcome {
  return { kind: 'unreachable', cause: causeOf[detail], detail }
}
