import { type Outcome, unreachable } from '#src/adapters/outgoing/outcome.ts'
import type { HttpBehaviour, TlsBehaviour } from './receiver-zoo.ts'

/** What an attempt at each receiver of the zoo has to end as, by the faults of reliability-security, section 3. */
export const responded = (status: number): Outcome => ({ kind: 'responded', status })
const reset = unreachable('connection_reset')
const invalid: Outcome = { kind: 'invalid_response' }
const timedOut = 'timed_out'

/** A behaviour, what is added to its path, and the outcome of one attempt on a connection of its own. */
export const met: [HttpBehaviour | 'refused', string, Outcome | 'timed_out'][] = [
  ['ok', '', responded(200)],
  ['created', '', responded(201)],
  ['no-content', '', responded(204)],
  ['old-http', '', responded(200)],
  ['close-after', '', responded(200)],
  ['many-headers', '', responded(200)],
  ['status', '/404', responded(404)],
  ['status', '/410', responded(410)],
  ['status', '/503', responded(503)],
  ['status', '/599', responded(599)],

  ['refused', '', unreachable('connect_refused')], // F26
  ['reset-before-byte', '', reset], // F27
  ['close-before-byte', '', reset],
  ['reset-in-head', '', reset],
  ['close-in-head', '', reset],
  ['reset-in-body', '', responded(200)], // F28
  ['close-in-body', '', responded(200)],
  ['reset-in-chunks', '', responded(200)],
  ['reset-in-error-body', '', responded(500)],

  ['silent', '', timedOut],
  ['trickled-head', '', timedOut], // F29
  ['trickled-body', '', responded(200)], // F30
  ['trickled-error-body', '', responded(500)],
  ['stalled-body', '', responded(200)],
  ['endless-body', '', responded(200)], // F31
  ['endless-chunks', '', responded(200)],
  ['endless-error-body', '', responded(500)],
  ['huge-length', '', responded(200)], // F32
  ['endless-chunk-extension', '', responded(200)],
  ['endless-trailer', '', responded(200)],
  ['gzip-bomb', '', responded(200)], // F33
  ['deflate-bomb', '', responded(200)],
  ['brotli-bomb', '', responded(200)],

  ['oversized-header', '', invalid], // F34
  ['oversized-head', '', invalid],
  ['endless-header', '', invalid],
  ['endless-header-name', '', invalid],
  ['endless-headers', '', invalid],
  ['endless-reason', '', invalid],
  ['slow-endless-reason', '', invalid],
  ['not-http', '', invalid], // F35
  ['no-status-line', '', invalid],
  ['only-line-feeds', '', invalid],
  ['binary-garbage', '', invalid],
  ['status-zero', '', invalid],
  ['status-too-low', '', invalid],
  ['status-too-high', '', invalid],
  ['status-of-two-digits', '', invalid],
  ['status-of-four-digits', '', invalid],
  ['status-of-letters', '', invalid],
  ['length-and-chunked', '', invalid],
  ['two-lengths', '', invalid],
  ['bad-length', '', invalid],
  ['negative-length', '', invalid],
  ['too-large-length', '', invalid],
  ['nul-in-header', '', invalid],
  ['carriage-return-in-header', '', invalid],
  ['space-in-header-name', '', invalid],
  ['no-header-name', '', invalid],
  ['bad-chunk-size', '', responded(200)],
  ['h2-only', '', invalid], // F40

  ['continue-then-ok', '', responded(200)], // F36
  ['hints-then-ok', '', responded(200)],
  ['interim-only', '', timedOut],
  ['continue-flood', '', timedOut],
  ['processing-flood', '', timedOut],
  ['hints-flood', '', timedOut],
  ['slow-interim-flood', '', timedOut],
  ['upgrade', '', invalid], // F37
  ['bare-upgrade', '', invalid],
  ['asks-for-upgrade', '', responded(426)],

  ...[300, 301, 302, 303, 305, 307, 308].map((status): [HttpBehaviour, string, Outcome] => [
    'redirect', // F38
    `/${status}/canary`,
    responded(status),
  ]),
  ['redirect', '/302/redirect', responded(302)],
]

/** Receivers that are not what they have to be: no byte of the request may reach them. */
export const brokenTls: [TlsBehaviour, Outcome][] = [
  ['tls-untrusted', unreachable('tls_untrusted')],
  ['tls-wrong-name', unreachable('tls_name')],
  ['tls-expired', unreachable('tls_expired')],
  ['tls-outdated', unreachable('tls_handshake')],
  ['tls-asks-certificate', unreachable('tls_handshake')],
  ['tls-1.2-asks-certificate', unreachable('tls_handshake')],
  ['tls-h2-only', unreachable('tls_handshake')],
  ['tls-plain-http', unreachable('tls_handshake')],
  ['tls-garbage', unreachable('tls_handshake')],
  ['tls-closed', unreachable('tls_handshake')],
  ['tls-reset', unreachable('tls_handshake')],
]
