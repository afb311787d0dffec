import { FAILURE_CLASSES, type FailureClass } from '../../packages/server/src/delivery/failure-classes.ts'

/** What has usually led to a class of failure, and how to find out which of it. The compiler sees to it that none is missing. */
const CAUSES: Record<FailureClass, readonly string[]> = {
  dns_not_found: ['a typing error in the URL', 'the record was removed, or exists in your own network only'],
  dns_failed: ['a name server that is down or slow', 'a broken delegation or DNSSEC chain: `dig +trace HOST`'],
  connect_refused: [
    'the process is down, or restarting',
    'another port: the URL says which',
    'a firewall that refuses',
  ],
  connect_unreachable: ['an old address in DNS', 'a route that is missing: only IPv6, or only IPv4, is reachable'],
  connect_timeout: [
    'a firewall that drops what it does not know: [Source addresses](source-addresses.md)',
    'a host that is down, with nobody to say so',
  ],
  tls_expired: ['the certificate was not renewed, or the server was not told of the new one'],
  tls_name: ['the URL has another name than the certificate', 'the proxy answers with its default certificate'],
  tls_untrusted: [
    'the intermediate certificate is not sent; browsers fetch it, servers do not: `openssl s_client -connect HOST:443 -showcerts`',
    'a certificate of your own authority',
  ],
  tls_handshake: ['only TLS 1.0 or 1.1 is offered', 'a client certificate is asked for', 'plain HTTP on this port'],
  timeout: [
    'the work is done before the answer: [store first](handle-events.md#1-store-first-answer-work-afterwards)',
    'a pool of connections that is used up, a cold start',
  ],
  connection_reset: [
    'a proxy that limits size or time',
    'the process crashed on this request: look at its log at this time',
  ],
  response_invalid: ['a proxy that answers with something else than HTTP', 'another protocol on this port'],
  interrupted: [
    'a process of the service stopped or lost its place while your answer was on its way; it may have arrived',
  ],
  http_redirect: ['`http` where the server wants `https`', 'a slash missing or too many', 'a login page in front'],
  http_rejected: [
    'the body was parsed before it was verified: [raw bytes](verify-signatures.md)',
    'the secret of another endpoint, or of the sandbox',
    'a clock that is more than 5 minutes off: `date -u`',
    'a token or an allow-list of your gateway',
  ],
  http_not_found: ['a typing error in the path', 'the route takes GET only', 'a deployment without the route'],
  http_gone: ['your code answered 410, which means: never again'],
  http_busy: ['more at once than your receiver takes: set `throttleRate`, or put a queue in front', 'maintenance'],
  http_client_error: ['a gateway in front of your code: size, media type, rules against attacks', 'your own checks'],
  http_server_error: [
    'an exception in your code: look for the event id in its log',
    'a gateway without a server behind it: 502, 504',
  ],
  http_unexpected: ['a server that answers outside of what HTTP has'],
  blocked_address: [
    'the name leads to a private, reserved or loopback address',
    'somebody entered an address of the internal network',
  ],
  endpoint_disabled: ['five days of failures without a success', '410 by your receiver', 'somebody disabled it'],
  endpoint_deleted: ['the endpoint was deleted while the event waited'],
  canceled: ['somebody cancelled the delivery, or all that was planned for the endpoint'],
  payload_expired: ['the payload was erased on request', 'it was older than the environment keeps'],
}

/** An entry for each class: what it is called where one meets it, what it usually is, what to do. */
export function failureText(): string {
  const entries = Object.entries(FAILURE_CLASSES).map(([name, { title, advice, retried }]) => {
    const words = (text: string) => text.replace('STATUS', 'NNN').replace('LIMIT', "the endpoint's limit")
    const causes = CAUSES[name as FailureClass].map((cause) => `- ${cause}\n`).join('')
    const then = retried ? 'Tried again by the schedule.' : 'Not tried again.'
    return `<a id="${name}"></a>

## ${words(title)} \`${name}\`

Usually:

${causes}
**What to do.** ${words(advice)} *${then}*
`
  })
  return `\n${entries.join('\n')}\n`
}
