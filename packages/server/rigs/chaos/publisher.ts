import { hash, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from 'undici'
import { readItems } from './answers.ts'
import { between, oneOf, type Random } from './chance.ts'
import { HANG_MS, type Ledger } from './ledger.ts'

export const EVENT_TYPES = ['chaos.even', 'chaos.odd'] as const

export type PublisherParts = {
  ledger: Ledger
  /** Milliseconds of the ledger's clock. */
  now: () => number
  random: Random
  /** Base URLs of the API processes. */
  apis: readonly string[]
  /** Environment key. */
  key: string
  /** Ids of the accounts that events are published for. */
  accounts: readonly string[]
  events: number
  durationMs: number
  /** Begins the ids of its events; default `c`. Of publishers with one ledger, each has its own. */
  uidPrefix?: string
}

/** One call of the API, repeated as it is until it is answered for good. */
type Call = { path: string; body: string; uids: string[]; key: string; isBatch: boolean }

const TICK_MS = 20
const CALLS_AT_ONCE_MAX = 200
const CONNECTIONS = 100
/** A call that has hung for this long is given up; it is counted long before. */
const GIVE_UP_MS = 15_000
const BATCH_SHARE = 0.05
const BATCH_MAX = 30 // of eight or more some are bundled
const PAUSE_MS_MAX = 1_000
const PAD_MAX = 1_500

/**
 * Publishes events at a steady rate, whatever becomes of them, and repeats each call with its key until every event in it is
 * acknowledged: what a careful producer does.
 */
export class Publisher {
  readonly #parts: PublisherParts
  readonly #pools: Pool[]
  #published = 0
  #calls = 0
  #nextApi = 0
  #waiting: Call[] = []
  #underWay = new Set<Promise<void>>()
  #stopped = false

  constructor(parts: PublisherParts) {
    this.#parts = parts
    this.#pools = parts.apis.map(
      (url) => new Pool(url, { connections: CONNECTIONS, headersTimeout: GIVE_UP_MS, bodyTimeout: GIVE_UP_MS }),
    )
  }

  /** Resolves when all events have been published once, or with the signal. */
  async publish(signal: AbortSignal): Promise<void> {
    const { now, events, durationMs } = this.#parts
    const startedAtMs = now()
    while (this.#published < events && !signal.aborted) {
      const due = Math.min(events, Math.ceil(((now() - startedAtMs) / durationMs) * events))
      // a batch goes ahead of the rate, which then waits for it
      while (this.#published < due) this.#waiting.push(this.#nextCall(events - this.#published))
      this.#start()
      await sleep(TICK_MS)
    }
  }

  /** Resolves when every event is acknowledged. */
  async drained(signal: AbortSignal): Promise<void> {
    while ((this.#waiting.length > 0 || this.#underWay.size > 0) && !signal.aborted) {
      this.#start()
      await sleep(TICK_MS)
    }
  }

  /** Lets go of what is not answered by now. */
  async close(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#pools.map((pool) => pool.destroy()))
    await Promise.all(this.#underWay)
  }

  #start(): void {
    while (this.#underWay.size < CALLS_AT_ONCE_MAX) {
      const call = this.#waiting.shift()
      if (!call) return
      const done = this.#insist(call).finally(() => this.#underWay.delete(done))
      this.#underWay.add(done)
    }
  }

  #nextCall(eventsMax: number): Call {
    const { random, accounts } = this.#parts
    const isBatch = random() < BATCH_SHARE && eventsMax > 1
    const size = isBatch ? between(random, 2, Math.min(BATCH_MAX, eventsMax)) : 1
    const account = between(random, 0, accounts.length - 1)
    const messages = Array.from({ length: size }, () => this.#message(account))
    this.#calls += 1
    const path = `/api/v1/app/${accounts[account]}/msg${isBatch ? '/batch' : ''}`
    const texts = messages.map(({ text }) => text)
    return {
      path,
      isBatch,
      uids: messages.map(({ uid }) => uid),
      body: isBatch ? `{"messages":[${texts.join(',')}]}` : (texts[0] ?? ''),
      key: `chaos-${this.#calls}-${randomUUID()}`,
    }
  }

  /** Written into the ledger here, before anything is sent. */
  #message(account: number): { uid: string; text: string } {
    const { ledger, random, now, uidPrefix = 'c' } = this.#parts
    this.#published += 1
    const uid = `${uidPrefix}${this.#published}`
    const type = oneOf(random, EVENT_TYPES)
    // what a parser would write in another way
    const odd = '"big":12345678901234567890,"one":1.0,"e":1E+2,"zero":-0,"text":"\\u00e9é\\u0000\\/"'
    const payload = `{"uid":"${uid}", ${odd} ,"pad":"${'x'.repeat(between(random, 0, PAD_MAX))}"}`
    ledger.publish({ uid, account, type, bodyHash: hash('sha256', payload, 'base64'), sentAtMs: now() })
    return { uid, text: `{"eventType":"${type}","eventId":"${uid}","payload":${payload}}` }
  }

  async #insist(call: Call): Promise<void> {
    while (!this.#stopped) {
      const pauseMs = await this.#send(call)
      if (pauseMs === null) return
      await sleep(pauseMs)
    }
  }

  /** @returns how long to wait before the next try; null when the call is answered for good */
  async #send(call: Call): Promise<number | null> {
    const { ledger, now, key } = this.#parts
    const { calls } = ledger
    const startedAtMs = now()
    const hanging = setTimeout(() => {
      calls.hangs += 1
    }, HANG_MS)
    try {
      this.#nextApi = (this.#nextApi + 1) % this.#pools.length
      const pool = this.#pools[this.#nextApi]
      if (!pool) throw new Error('there is no API')
      const answer = await pool.request({
        method: 'POST',
        path: call.path,
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'idempotency-key': call.key },
        body: call.body,
      })
      clearTimeout(hanging)
      const tookMs = now() - startedAtMs
      const text = await answer.body.text()
      if (answer.statusCode === 429 || answer.statusCode === 503) {
        calls.refused += 1
        calls.refusalMs.push(tookMs)
        return pauseMsOf(answer.headers['retry-after'])
      }
      return this.#settle(call, answer.statusCode, text, tookMs)
    } catch {
      // refused, reset or given up: nobody knows what became of it, and its key will tell
      if (!this.#stopped) calls.unanswered += 1
      return TICK_MS * 5
    } finally {
      clearTimeout(hanging)
    }
  }

  #settle(call: Call, status: number, text: string, tookMs: number): number | null {
    const { ledger, now } = this.#parts
    const items = readItems(status, text, call.isBatch)
    const isWhole = items?.length === call.uids.length
    call.uids.forEach((uid, index) => {
      const item = items?.[index]
      if (isWhole && item && 'messageId' in item) ledger.acknowledge(uid, item.messageId, now())
      else
        ledger.calls.unexpected.push(`${status} ${item && 'code' in item ? `${item.status} ${item.code}` : ''}`.trim())
    })
    if (status === 202) ledger.calls.acceptMs.push(tookMs)
    const isSettled = isWhole && items.every((item) => 'messageId' in item)
    return isSettled ? null : PAUSE_MS_MAX
  }
}

function pauseMsOf(retryAfter: string | string[] | undefined): number {
  const seconds = Number(retryAfter)
  return Number.isFinite(seconds) ? Math.min(PAUSE_MS_MAX, seconds * 1_000) : PAUSE_MS_MAX
}
