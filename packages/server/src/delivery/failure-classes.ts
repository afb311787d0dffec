import { type AttemptOutcome, isSuccess } from './delivery.ts'

/**
 * What went wrong, in words for the person who has to put it right. The API, the portal, the CLI and the docs all
 * take them from this table, by portal 5; advice is whole sentences. `HOST`, `LIMIT` and `STATUS` are filled in by whoever shows it.
 */
export const FAILURE_CLASSES = {
  dns_not_found: failure(
    'Host name not found',
    'The name has no address. Check spelling and DNS record: `nslookup HOST`.',
  ),
  dns_failed: failure('Host name could not be looked up', 'Your name servers gave an error or did not answer in 2 s.'),
  connect_refused: failure('Could not connect', 'Nothing listens there. Is the server up, the port open?'),
  connect_unreachable: failure(
    'Could not connect',
    'There is no route to the address. Is the server up, the port open?',
  ),
  connect_timeout: failure('No connection within the limit', 'A firewall drops us: allow our source addresses.'),
  tls_expired: failure('Certificate expired', 'Renew the certificate.'),
  tls_name: failure('Certificate for another name', 'Use a name that is in the certificate.'),
  tls_untrusted: failure('Certificate not trusted', 'Send the full chain of a public certificate authority.'),
  tls_handshake: failure('TLS failed', 'Offer TLS 1.2 or later.'),
  timeout: failure('No answer within LIMIT', 'Store the event, answer 2xx, work afterwards.'),
  connection_reset: failure('Connection broken', 'A proxy or a crash; look at your log at this time.'),
  response_invalid: failure('Not a valid HTTP answer', 'A proxy or another protocol; look at your log at this time.'),
  interrupted: failure('Stopped on our side', 'Nothing to do: the attempt is repeated.'),
  http_redirect: failure('Redirect, not followed', 'Enter the final URL.'),
  http_rejected: failure(
    'Your endpoint said no',
    'Usually the signature: raw body, right secret, clock. Run Signature check.',
  ),
  http_not_found: failure('No such path or method', 'Typing error in the path, or no POST route.'),
  http_gone: failure('Gone', 'You asked us to stop: the endpoint is now disabled.', false),
  http_busy: failure('Your endpoint is busy', 'We wait for your `Retry-After`; set a rate limit if it happens often.'),
  http_client_error: failure('Error STATUS', 'Look in your log for the event ID at this time.'),
  http_server_error: failure('Error STATUS', 'Look in your log for the event ID at this time.'),
  http_unexpected: failure('Error STATUS', 'Look in your log for the event ID at this time.'),
  blocked_address: failure('Address not allowed', 'Private or reserved. Nothing was sent.', false),
  endpoint_disabled: notAttempted(
    'The endpoint was disabled. Put right what it was disabled for, enable it, then replay what was missed.',
  ),
  endpoint_deleted: notAttempted('The endpoint was deleted. Send the event to another endpoint.'),
  canceled: notAttempted('Somebody cancelled it before it was sent. Replay it if it is still wanted.'),
  payload_expired: notAttempted('The payload was erased, or its time was over. There is nothing left to send.'),
} as const

export type FailureClass = keyof typeof FAILURE_CLASSES

type Failure = { title: string; advice: string; retried: boolean }

function failure(title: string, advice: string, retried = true): Failure {
  return { title, advice, retried }
}

function notAttempted(advice: string): Failure {
  return failure('Not attempted', advice, false)
}

/** Of several attempts at once: which statuses those of the class have. */
const STATUSES: Partial<Record<FailureClass, string>> = { http_client_error: '4xx', http_server_error: '5xx' }

/** @param status  of one attempt; null: of several */
export function titleOf(name: FailureClass, status: number | null): string {
  return FAILURE_CLASSES[name].title.replace('STATUS', String(status ?? STATUSES[name] ?? '')).trimEnd()
}

/** The class of an attempt that did not succeed; null when it did. */
export function classify(outcome: AttemptOutcome): FailureClass | null {
  if (isSuccess(outcome)) return null
  switch (outcome.kind) {
    case 'responded':
      return classOfStatus(outcome.status)
    case 'timed_out':
      return outcome.phase === 'connect' ? 'connect_timeout' : outcome.phase === 'dns' ? 'dns_failed' : 'timeout'
    case 'unreachable':
      return outcome.detail
    case 'invalid_response':
      return 'response_invalid'
    case 'interrupted':
      return 'interrupted'
    case 'blocked':
      return 'blocked_address'
    case 'canceled':
      return outcome.why
  }
}

function classOfStatus(status: number): FailureClass {
  if (status === 410) return 'http_gone'
  if (status === 429 || status === 503) return 'http_busy'
  if (status === 404 || status === 405) return 'http_not_found'
  if (status === 400 || status === 401 || status === 403) return 'http_rejected'
  if (status >= 300 && status < 400) return 'http_redirect'
  if (status >= 400 && status < 500) return 'http_client_error'
  if (status >= 500 && status < 600) return 'http_server_error'
  return 'http_unexpected'
}
