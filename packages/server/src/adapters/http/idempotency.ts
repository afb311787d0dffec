import { hash } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { visibleTo } from '#src/accounts/principal.ts'
import { addMs, type Clock } from '#src/adapters/clock.ts'
import { type Database, type Queryable } from '#src/adapters/postgres/database.ts'
import { DomainError } from '#src/domain-error.ts'

/** What makes a repeated request the same: hashes of its key (with scope and path) and of its body. */
export type IdempotencyKey = { key: Buffer; requestHash: Buffer }

/** What a request did, and what to run once that is committed. `answer` is made JSON; a 204 has none. */
export type Effect = { status: number; answer?: unknown; committed?: () => void }

type Kept = { status: number; body: Buffer }
type Outcome = { kind: 'answered'; kept: Kept; replayed: boolean; committed?: () => void } | { kind: 'in_progress' }

const HEADER = 'idempotency-key'
const KEY = /^[\x20-\x7e]{1,256}$/
const KEPT_MS = 12 * 3_600_000
const WAIT_MS_MAX = 5_000
const RETRY_MS_MIN = 10
const RETRY_MS_MAX = 160

/**
 * The key of a POST; null when it has none, or when its answer may not be kept (`/auth/*`: it holds a token).
 * @throws DomainError when the header is not 1 to 256 printable ASCII characters
 * Source: webhook-api 6
 */
export function idempotencyKeyOf(request: FastifyRequest): IdempotencyKey | null {
  const given = request.headers[HEADER]
  if (given === undefined || request.method !== 'POST') return null
  if (typeof given !== 'string' || !KEY.test(given)) {
    throw new DomainError('unreadable_query', 'Idempotency-Key: must be 1 to 256 printable ASCII characters')
  }
  if (request.routeOptions.url?.includes('/auth/')) return null
  const { environment, accountId } = request.principal
  const scope = [environment, accountId ?? '', request.originalUrl, given].join('\n')
  return { key: hash('sha256', scope, 'buffer'), requestHash: hash('sha256', request.bytes, 'buffer') }
}

/** Gives requests that are repeated with one key one effect, kept with it in its transaction. */
export class Idempotency {
  readonly #database: Database
  readonly #clock: Clock
  /** Keys whose effect is under way in this process, so that repeats here need not ask the database. */
  readonly #running = new Map<string, Promise<unknown>>()

  constructor(parts: { database: Database; clock: Clock }) {
    this.#database = parts.database
    this.#clock = parts.clock
  }

  /**
   * Runs `work` in a transaction that sees the request's environment and account, and answers with what it returns. A repeat
   * with the same key within 12 h gets the first answer again and does nothing; while the first runs it waits up to 5 s.
   * Only 2xx are kept. Without a key `work` simply runs.
   * @throws what `work` throws; DomainError idempotency_in_progress, idempotency_key_reuse
   */
  async run(request: FastifyRequest, reply: FastifyReply, work: (tx: Queryable) => Promise<Effect>): Promise<FastifyReply> {
    const key = idempotencyKeyOf(request)
    const { kept, replayed, committed } = key === null ? await this.#effect(request, work) : await this.#once(request, key, work)
    committed?.()
    if (replayed) reply.header('x-idempotent-replay', 'true')
    reply.code(kept.status)
    return await (kept.body.length === 0 ? reply.send() : reply.type('application/json').send(kept.body))
  }

  async #effect(request: FastifyRequest, work: (tx: Queryable) => Promise<Effect>) {
    const effect = await this.#database.transaction({ settings: settingsOf(request) }, work)
    return { kept: toKept(effect), replayed: false, committed: effect.committed }
  }

  async #once(request: FastifyRequest, key: IdempotencyKey, work: (tx: Queryable) => Promise<Effect>) {
    const name = key.key.toString('base64')
    const giveUpAt = performance.now() + WAIT_MS_MAX
    let retryMs = RETRY_MS_MIN
    while (performance.now() < giveUpAt) {
      const running = this.#running.get(name)
      if (running) {
        await settledWithin(running, giveUpAt - performance.now())
        continue
      }
      const attempt = this.#attempt(request, key, work)
      this.#running.set(name, attempt)
      try {
        const outcome = await attempt
        if (outcome.kind === 'answered') return outcome
      } finally {
        this.#running.delete(name)
      }
      // another process runs it: asked again, outside of any transaction
      await wait(Math.min(retryMs, Math.max(0, giveUpAt - performance.now())))
      retryMs = Math.min(retryMs * 2, RETRY_MS_MAX)
    }
    throw new DomainError('idempotency_in_progress', 'A request with this Idempotency-Key is being worked on.', { retryAfterSeconds: 1 })
  }

  async #attempt(request: FastifyRequest, { key, requestHash }: IdempotencyKey, work: (tx: Queryable) => Promise<Effect>): Promise<Outcome> {
    const settings = settingsOf(request)
    return await this.#database.transaction({ settings }, async (tx): Promise<Outcome> => {
      const [lock] = await tx.query<{ held: boolean }>`select pg_try_advisory_xact_lock(${key.readBigInt64BE()}) as held`
      if (!lock?.held) return { kind: 'in_progress' }
      const now = this.#clock.now()
      const [row] = await tx.query<{ request_hash: Buffer; status: number; answer: Buffer; created_at: Date }>`
        select request_hash, status, answer, created_at from idempotency where key = ${key}`
      if (row && row.created_at > addMs(now, -KEPT_MS)) {
        if (!row.request_hash.equals(requestHash)) {
          throw new DomainError('idempotency_key_reuse', 'This Idempotency-Key was used with another body.')
        }
        return { kind: 'answered', kept: { status: row.status, body: row.answer }, replayed: true }
      }
      if (row) await tx.query`delete from idempotency where key = ${key}`
      const effect = await work(tx)
      const kept = toKept(effect)
      if (kept.status >= 200 && kept.status < 300) {
        await tx.query`
          insert into idempotency (key, environment, account_id, request_hash, status, answer, created_at)
          values (${key}, ${request.principal.environment}, ${accountIdOf(request)}, ${requestHash}, ${kept.status}, ${kept.body}, ${now})`
      }
      return { kind: 'answered', kept, replayed: false, committed: effect.committed }
    })
  }
}

/** What row-level security shows the request: its environment, and only its account where it has one. */
export function settingsOf(request: FastifyRequest): Record<string, string> {
  return visibleTo(request.principal.environment, accountIdOf(request) ?? undefined)
}

function accountIdOf(request: FastifyRequest): string | null {
  // routes without `:app_id` have no account; a token may still be bound to one
  const { account }: { account?: FastifyRequest['account'] } = request
  return account?.id ?? request.principal.accountId
}

function toKept({ status, answer }: Effect): Kept {
  return { status, body: answer === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(answer)) }
}

/** Waits for a promise, whatever becomes of it, but not longer than this. */
async function settledWithin(promise: Promise<unknown>, ms: number): Promise<void> {
  const stop = new AbortController()
  try {
    await Promise.race([promise.catch(() => undefined), wait(ms, undefined, { signal: stop.signal }).catch(() => undefined)])
  } finally {
    stop.abort()
  }
}
