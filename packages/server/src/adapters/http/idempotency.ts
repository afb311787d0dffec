import { hash } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { visibleTo } from '#src/accounts/principal.ts'
import { addMs, type Clock } from '#src/adapters/clock.ts'
import { type Database, isUniqueViolation, type Queryable } from '#src/adapters/postgres/database.ts'
import { DomainError } from '#src/domain-error.ts'

/** What makes a repeated request the same: hashes of its key (with scope and path) and of its body. */
export type IdempotencyKey = { key: Buffer; requestHash: Buffer }

/** What a request did, and what to run once that is committed. `answer` is made JSON, unless it is its bytes already; a 204 has none. */
export type Effect = { status: number; answer?: unknown; committed?: () => void }

type Work = (tx: Queryable) => Promise<Effect>
type Kept = { status: number; body: Buffer }
type Answered = { kept: Kept; replayed: boolean }
type Running = { requestHash: Buffer; result: Promise<Answered> }

const HEADER = 'idempotency-key'
const KEY = /^[\x20-\x7e]{1,256}$/
const KEPT_MS = 12 * 3_600_000
const WAIT_MS_MAX = 5_000
const RETRY_MS_MIN = 10
const RETRY_MS_MAX = 160

/**
 * The key of a POST; null when it has none, or when its answer may not be kept (`/auth/*`, `answersSecret`: it is shown once).
 * @throws DomainError when the header is not 1 to 256 printable ASCII characters
 * Source: webhook-api 6
 */
export function idempotencyKeyOf(request: FastifyRequest): IdempotencyKey | null {
  const given = request.headers[HEADER]
  if (given === undefined || request.method !== 'POST') return null
  if (typeof given !== 'string' || !KEY.test(given)) {
    throw new DomainError('unreadable_query', 'Idempotency-Key: must be 1 to 256 printable ASCII characters')
  }
  const { config, url } = request.routeOptions
  if (config.answersSecret || url?.includes('/auth/')) return null
  const { environment, accountId } = request.principal
  const scope = [environment, accountId ?? '', request.originalUrl, given].join('\n')
  return { key: hash('sha256', scope, 'buffer'), requestHash: hash('sha256', request.bytes, 'buffer') }
}

/** Gives requests that are repeated with one key one effect, kept with it in its transaction. */
export class Idempotency {
  readonly #database: Database
  readonly #clock: Clock
  readonly #waitMsMax: number
  /** Keys whose effect is under way in this process: repeats here wait for it and need not ask the database. */
  readonly #running = new Map<string, Running>()

  /** @param waitMsMax how long a repeat waits for the first request; default 5,000 */
  constructor({ database, clock, waitMsMax = WAIT_MS_MAX }: { database: Database; clock: Clock; waitMsMax?: number }) {
    this.#database = database
    this.#clock = clock
    this.#waitMsMax = waitMsMax
  }

  /**
   * Runs `work` in a transaction that sees the request's environment and account, and answers with what it returns. A repeat
   * with the same key within 12 h gets the first answer again and does nothing; while the first runs it waits up to 5 s.
   * Only 2xx are kept. Without a key `work` simply runs. What it does leaves a line in the audit, in its transaction.
   * @throws what `work` throws; DomainError idempotency_in_progress, idempotency_key_reuse
   */
  async run(request: FastifyRequest, reply: FastifyReply, work: Work): Promise<FastifyReply> {
    const { status, body } = await this.once(request, reply, work)
    reply.code(status)
    return await (body.length === 0 ? reply.send() : reply.type('application/json').send(body))
  }

  /** As `run`, for a route that has more to say than was known when the effect was committed: it answers itself. */
  async once(request: FastifyRequest, reply: FastifyReply, work: Work): Promise<Kept> {
    const key = idempotencyKeyOf(request)
    const { kept, replayed } =
      key === null ? await this.#runOnce(request, work) : await this.#runKeyed(request, reply, key, work)
    if (replayed) reply.header('x-idempotent-replay', 'true')
    return kept
  }

  async #runOnce(request: FastifyRequest, work: Work): Promise<Answered> {
    const effect = await this.#database.transaction({ settings: settingsOf(request) }, async (tx) => {
      const done = await work(tx)
      await request.audit.write(tx)
      return done
    })
    effect.committed?.()
    return { kept: toKept(effect), replayed: false }
  }

  async #runKeyed(request: FastifyRequest, reply: FastifyReply, key: IdempotencyKey, work: Work): Promise<Answered> {
    const name = key.key.toString('base64')
    const giveUpAt = performance.now() + this.#waitMsMax
    while (performance.now() < giveUpAt && !reply.raw.destroyed) {
      const running = this.#running.get(name)
      if (running) {
        const answered = await resultWithin(running.result, giveUpAt - performance.now())
        if (answered) return toReplay(answered, running, key)
        continue
      }
      const result = this.#attemptUntil(giveUpAt, request, key, work)
      this.#running.set(name, { requestHash: key.requestHash, result })
      try {
        return await result
      } finally {
        this.#running.delete(name)
      }
    }
    throw inProgress()
  }

  /** While another process works on the key, it is asked for again and again, outside of any transaction. */
  async #attemptUntil(giveUpAt: number, request: FastifyRequest, key: IdempotencyKey, work: Work): Promise<Answered> {
    for (let retryMs = RETRY_MS_MIN; performance.now() < giveUpAt; retryMs = Math.min(retryMs * 2, RETRY_MS_MAX)) {
      const answered = await this.#attempt(request, key, work)
      if (answered) return answered
      await wait(Math.min(retryMs, Math.max(0, giveUpAt - performance.now())))
    }
    throw inProgress()
  }

  /** @returns null while another process works on the same key */
  async #attempt(request: FastifyRequest, { key, requestHash }: IdempotencyKey, work: Work): Promise<Answered | null> {
    const now = this.#clock.now()
    let committed: Effect['committed']
    const settings = settingsOf(request)
    const answered = await this.#database.transaction({ settings }, async (tx): Promise<Answered | null> => {
      const [lock] = await tx.query<{
        held: boolean
      }>`select pg_try_advisory_xact_lock(${key.readBigInt64BE()}) as held`
      if (!lock?.held) return null
      const row = await readKey(tx, key)
      if (row && row.created_at > addMs(now, -KEPT_MS)) {
        if (!row.request_hash.equals(requestHash)) throw keyReused()
        return { kept: { status: row.status, body: row.answer }, replayed: true }
      }
      const effect = await work(tx)
      const kept = toKept(effect)
      committed = effect.committed
      if (kept.status >= 200 && kept.status < 300) await keepKey(tx, request, { key, requestHash, kept, now })
      await request.audit.write(tx)
      return { kept, replayed: false }
    })
    committed?.()
    return answered
  }
}

type KeyRow = { request_hash: Buffer; status: number; answer: Buffer; created_at: Date }

async function readKey(tx: Queryable, key: Buffer): Promise<KeyRow | undefined> {
  const [row] =
    await tx.query<KeyRow>`select request_hash, status, answer, created_at from idempotency where key = ${key}`
  return row
}

async function keepKey(
  tx: Queryable,
  request: FastifyRequest,
  { key, requestHash, kept, now }: IdempotencyKey & { kept: Kept; now: Date },
): Promise<void> {
  await tx.query`delete from idempotency where key = ${key}`
  try {
    await tx.query`
      insert into idempotency (key, environment, account_id, request_hash, status, answer, created_at)
      values (${key}, ${request.principal.environment}, ${accountIdOf(request)}, ${requestHash}, ${kept.status}, ${kept.body}, ${now})`
  } catch (error) {
    // a row that this account cannot see: the uid in the path named another account when the key was first used
    if (isUniqueViolation(error, 'idempotency_pkey')) throw keyReused()
    throw error
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
  if (answer === undefined) return { status, body: Buffer.alloc(0) }
  return { status, body: Buffer.isBuffer(answer) ? answer : Buffer.from(JSON.stringify(answer)) }
}

/** The answer that a repeat gets from the run it waited for. */
function toReplay({ kept }: Answered, running: Running, { requestHash }: IdempotencyKey): Answered {
  if (!running.requestHash.equals(requestHash)) throw keyReused()
  return { kept, replayed: true }
}

function inProgress(): DomainError {
  return new DomainError('idempotency_in_progress', 'A request with this Idempotency-Key is being worked on.')
}

function keyReused(): DomainError {
  return new DomainError('idempotency_key_reuse', 'This Idempotency-Key was used with another body.')
}

/** What a run comes to; null when it fails or takes longer than this. */
async function resultWithin(result: Running['result'], ms: number): Promise<Answered | null> {
  const stop = new AbortController()
  const late = wait(ms, null, { signal: stop.signal })
  try {
    return await Promise.race([result, late])
  } catch {
    return null // its own caller hears of it
  } finally {
    stop.abort()
    late.catch(() => {})
  }
}
