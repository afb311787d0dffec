import { lookup } from 'node:dns/promises'
import { sign } from '@producersync/webhooks/node'
import { usageFailure } from '../failure.ts'

/** An event as the stream brings it. */
export type Arrived = {
  msgId: string
  eventType: string
  timestamp: string
  body: Uint8Array
  headers: Record<string, string>
}

/** What the program at the target made of it. `failureClass` is a word of the service's own list. */
export type Answered = {
  responseStatusCode: number
  durationMs: number
  failureClass: string | null
  advice: string | null
}

const ANSWER_MS_MAX = 5_000
/** Older signatures are made anew: receivers refuse them after five minutes. */
const SIGNATURE_SECONDS_MAX = 60
const LOOPBACK = /^(127(?:\.\d{1,3}){3}|::1|::ffff:127(?:\.\d{1,3}){3})$/

/**
 * Reads where to forward to: this machine, unless others are allowed.
 * @throws Failure usage
 */
export async function parseTarget(text: string, allowExternal: boolean): Promise<URL> {
  const target = URL.canParse(text) ? new URL(text) : undefined
  if (!target || !/^https?:$/.test(target.protocol)) throw usageFailure(`--forward-to: ${text} is no web address.`)
  if (allowExternal || (await isHere(target.hostname.replace(/^\[|\]$/g, '')))) return target
  throw usageFailure(`--forward-to: ${target.hostname} is not this machine.`, 'Say --allow-external if you mean it.')
}

async function isHere(name: string): Promise<boolean> {
  try {
    const addresses = await lookup(name, { all: true })
    return addresses.length > 0 && addresses.every(({ address }) => LOOPBACK.test(address))
  } catch {
    return false
  }
}

/**
 * Sends an event to the target, once: no redirect is followed and nothing is repeated.
 * @param again  it was sent before, and is signed anew
 */
export async function forward(
  target: URL,
  { msgId: id, body, headers: given }: Arrived,
  { secret, again }: { secret: string; again: boolean },
): Promise<Answered> {
  const now = Math.floor(Date.now() / 1000)
  const isOld = Math.abs(now - Number(given['webhook-timestamp'])) > SIGNATURE_SECONDS_MAX
  const headers = again || isOld ? { ...given, ...signedAnew({ id, body, secret, timestamp: now }) } : given
  const startedAt = performance.now()
  const answered = (responseStatusCode: number, failureClass: string | null): Answered => ({
    responseStatusCode,
    durationMs: Math.round(performance.now() - startedAt),
    failureClass,
    advice: failureClass && (ADVICE[failureClass] ?? null),
  })
  try {
    const status = await post(target, again ? { ...headers, 'webhook-trigger': 'replay' } : headers, body)
    return answered(status, classOfStatus(status))
  } catch (error) {
    return answered(0, classOfError(error))
  }
}

/** Not by `fetch`: it refuses some ports, follows its own rules for headers, and adds some. @returns the status, whatever follows it */
async function post(target: URL, headers: Record<string, string>, body: Uint8Array): Promise<number> {
  // here and not above: it would take 30 ms of the start of every command
  const { request: send } = target.protocol === 'https:' ? await import('node:https') : await import('node:http')
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  send(target, { method: 'POST', headers, signal: AbortSignal.timeout(ANSWER_MS_MAX) }, (response) => {
    resolve(response.statusCode ?? 0)
    response.on('error', () => {}).resume()
  })
    .on('error', reject)
    .end(body)
  return await promise
}

function signedAnew(message: { id: string; timestamp: number; body: Uint8Array; secret: string }) {
  const headers = Object.entries(sign({ ...message, secrets: message.secret }))
  return Object.fromEntries(
    headers.flatMap(([name, value]) => [
      [name, value],
      [name.replace('webhook', 'svix'), value],
    ]),
  )
}

function classOfStatus(status: number): string | null {
  if (status >= 200 && status <= 299) return null
  if (status >= 300 && status <= 399) return 'http_redirect'
  if ([400, 401, 403].includes(status)) return 'http_rejected'
  if ([404, 405].includes(status)) return 'http_not_found'
  if (status === 410) return 'http_gone'
  if (status === 429 || status === 503) return 'http_busy'
  if (status >= 400 && status <= 499) return 'http_client_error'
  return status >= 500 ? 'http_server_error' : 'http_unexpected'
}

function classOfError(error: unknown): string {
  if (error instanceof Error && error.name === 'AbortError') return 'timeout'
  const code = error instanceof Error ? String(Reflect.get(error, 'code')) : ''
  if (code === 'ECONNREFUSED') return 'connect_refused'
  if (code === 'ENOTFOUND') return 'dns_not_found'
  if (code === 'EAI_AGAIN') return 'dns_failed'
  if (code.startsWith('HPE_')) return 'response_invalid'
  if (/CERT|SSL|TLS|SELF_SIGNED/.test(code)) return 'tls_untrusted'
  return 'connection_reset'
}

/** What to look at, where the program is one's own and on this machine. */
const ADVICE: Readonly<Record<string, string>> = {
  timeout: 'No answer within 5 s: store the event, answer 2xx, work afterwards.',
  connect_refused: 'Nothing listens there: is your server up, on this port?',
  dns_not_found: 'The name has no address.',
  dns_failed: 'The name could not be looked up.',
  response_invalid: 'The answer is not HTTP: is it another protocol?',
  tls_untrusted: 'The certificate is not trusted: use http on this machine.',
  connection_reset: 'The connection was broken: look at the log of your server.',
  http_redirect: 'Redirects are not followed: name the final address.',
  http_rejected: 'Usually the signature: raw body, right secret (--print-secret).',
  http_not_found: 'There is no such path, or it takes no POST.',
  http_gone: 'In production this would disable the endpoint.',
  http_busy: 'In production it would be sent again later.',
  http_client_error: 'Look at the log of your server.',
  http_server_error: 'Look at the log of your server.',
  http_unexpected: 'Answer 2xx.',
}
