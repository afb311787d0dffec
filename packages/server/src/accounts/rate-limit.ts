import { createHash } from 'node:crypto'
import { isIPv4, isIPv6 } from 'node:net'
import type { Clock } from '#src/adapters/clock.ts'
import type { Caller, Limiter, RateWindow } from '#src/adapters/http/producersync.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'

/** Requests to `/v1` and `/v2`, per client and minute. Source: producersync-api 3. */
export const REQUESTS_PER_MINUTE = 300
/** Token requests, per client id and minute. */
export const TOKEN_REQUESTS_PER_MINUTE = 200

const WINDOW_MS = 60_000
const EXHAUSTED_MAX = 10_000

/**
 * Counts requests in fixed windows that start on the full UTC minute, in the database: exact over all processes.
 * A refused request is not counted and, once this process has seen one, asks nobody until the window ends.
 */
export class RateLimiter {
  readonly #database: Queryable
  readonly #clock: Clock
  readonly #exhausted = new Map<string, number>()

  constructor(database: Queryable, clock: Clock) {
    this.#database = database
    this.#clock = clock
  }

  /**
   * Counts one request of `subject` (any text that names a caller), if there is room for it in this minute.
   * @returns where the subject stands then
   * @throws what the database throws
   */
  async take(subject: string, limit: number): Promise<RateWindow> {
    const now = this.#clock.now().getTime()
    const windowAt = now - (now % WINDOW_MS)
    const resetSeconds = Math.max(1, Math.ceil((windowAt + WINDOW_MS - now) / 1000))
    const refused = { allowed: false, limit, remaining: 0, resetSeconds }
    const hash = subjectHash(subject)
    const key = `${hash.toString('base64')} ${limit}`
    if (this.#exhausted.get(key) === windowAt) return refused
    const [row] = await this.#database.query<{ requests: number }>`
      insert into rate_window as w (subject, window_at, requests) values (${hash}, ${new Date(windowAt)}, 1)
      on conflict (subject, window_at) do update set requests = w.requests + 1 where w.requests < ${limit}
      returning requests`
    if (row) return { allowed: true, limit, remaining: limit - row.requests, resetSeconds }
    this.#remember(key, windowAt)
    return refused
  }

  #remember(key: string, windowAt: number): void {
    this.#exhausted.delete(key)
    const oldest = this.#exhausted.keys().next()
    if (this.#exhausted.size >= EXHAUSTED_MAX && !oldest.done) this.#exhausted.delete(oldest.value)
    this.#exhausted.set(key, windowAt)
  }
}

/** Counts requests to `/v1` and `/v2`: per client or portal session, per token that has none, per address where nobody is known. */
export function requestLimiter(limiter: RateLimiter): Limiter {
  return async (caller) => await limiter.take(subjectOf(caller), REQUESTS_PER_MINUTE)
}

function subjectOf(caller: Caller): string {
  if ('address' in caller) return addressSubject(caller.address)
  const { principal } = caller
  if (principal.kind === 'access') return `client:${principal.clientId}`
  const session = principal.kind === 'app' ? principal.portalSessionId : null
  return session === null ? `bearer:${principal.tokenId}` : `session:${session}`
}

/** Of bounded length whatever the caller sent as its name, and no address in clear. */
export function subjectHash(subject: string): Buffer {
  return createHash('sha256').update(subject).digest()
}

/** Names a remote address as a subject: an IPv6 network of 64 bits counts as one, being one subscriber's. */
export function addressSubject(address: string): string {
  const [plain = ''] = address.replace(/^::ffff:(?=\d+\.)/i, '').split('%')
  if (isIPv4(plain) || !isIPv6(plain)) return `address:${plain}`
  const [head = '', tail] = plain.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail ? tail.split(':') : []
  const groups =
    tail === undefined
      ? left
      : [...left, ...Array.from({ length: 8 - left.length - right.length }, () => '0'), ...right]
  return `address:${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`
}
