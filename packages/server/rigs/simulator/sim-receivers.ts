import { hash } from 'node:crypto'
import { verify } from '@producersync/webhooks/node'
import type { Outcome } from '#src/adapters/outgoing/outcome.ts'
import { unreachable } from '#src/adapters/outgoing/outcome.ts'
import type { Outgoing, PostResult } from '#src/adapters/outgoing/outgoing.ts'
import { between, type Random, randomOf } from '../chaos/chance.ts'
import type { Ledger, Line } from '../chaos/ledger.ts'
import { type Life, running, type VirtualTime } from './virtual-time.ts'

type Post = Parameters<Outgoing['post']>[0]
type Reply = { kind: 'answer'; status: number; afterMs: number } | { kind: 'hang' } | { kind: 'reset'; afterMs: number }

/** Shares of deliveries; the rest is answered with 200 soon. */
const DOOMED = 0.05
const FAILING = 0.25
const HANGING = 0.12
const SLOW = 0.18
const RESET = 0.08
const SLOW_MS_MAX = 7_000
const FAILURES_MAX = 2
const NO_BODY = new Uint8Array(0)

/** The receivers of a simulation, and the network that leads to them: every request is a line of the ledger. */
export class SimReceivers {
  readonly #time: VirtualTime
  readonly #seed: number
  readonly #random: Random
  readonly #ledger: Ledger
  readonly #secret: string
  readonly #endpoints: ReadonlyMap<string, number>
  readonly #open = new Map<Line, Life>()
  readonly #requests = new Map<string, number>()

  constructor(parts: {
    time: VirtualTime
    seed: number
    ledger: Ledger
    secret: string
    endpoints: ReadonlyMap<string, number>
  }) {
    this.#time = parts.time
    this.#seed = parts.seed
    this.#random = randomOf(parts.seed, 'receivers')
    this.#ledger = parts.ledger
    this.#secret = parts.secret
    this.#endpoints = parts.endpoints
  }

  /** What a process sends with. */
  outgoing(): Outgoing {
    return {
      post: (post) => this.#post(post),
      waitMs: () => 0,
      vet: () => Promise.reject(new Error('no endpoint is saved here')),
      closeIdle: () => undefined,
      close: () => Promise.resolve(),
    }
  }

  /** Its kernel closes its connections. */
  dropAllOf(life: Life): void {
    for (const [line, sender] of this.#open) if (sender === life) this.#end(line)
  }

  isOpen(line: Line): boolean {
    return this.#open.has(line)
  }

  async #post(post: Post): Promise<PostResult> {
    const time = this.#time
    const life = running.getStore()
    if (!life) throw new Error('only a process of the simulation sends')
    const startedAtMs = time.nowMs
    const { promise, resolve } = Promise.withResolvers<Outcome>()
    const timer = setTimeout(
      () => resolve({ kind: 'timed_out', phase: 'headers', afterMs: post.timeoutMs }),
      post.timeoutMs,
    )
    const interrupt = () => resolve({ kind: 'interrupted' })
    post.signal?.addEventListener('abort', interrupt, { once: true })
    let line: Line | undefined
    // the connection is made, which takes its time
    time.after(
      between(this.#random, 0, 20),
      () => {
        if (post.signal?.aborted) return
        if (post.mayWrite && !post.mayWrite()) return interrupt()
        line = this.#arrive(post, life)
        this.#reply(line, life, resolve)
      },
      life,
    )
    const outcome = await promise
    clearTimeout(timer)
    post.signal?.removeEventListener('abort', interrupt)
    if (line) this.#end(line)
    return {
      kind: 'attempted',
      outcome,
      durationMs: time.nowMs - startedAtMs,
      timings: {},
      address: null,
      security: null,
      headers: {},
      responseHeaders: [],
      responseBody: NO_BODY,
      bytesRead: 0,
    }
  }

  #arrive(post: Post, life: Life): Line {
    const headers = headersOf(post.headers)
    const line = this.#ledger.begin({
      endpoint: this.#endpoints.get(post.connectionKey) ?? -1,
      messageId: headers['webhook-id'] ?? '',
      connection: { owner: life.owner },
      beginMs: this.#time.nowMs,
    })
    line.bodyHash = hash('sha256', post.body, 'base64')
    line.verified = this.#verifies(post.body, headers)
    this.#open.set(line, life)
    return line
  }

  #reply(line: Line, life: Life, resolve: (outcome: Outcome) => void): void {
    const reply = this.#next(line)
    if (reply.kind === 'hang') return
    this.#time.after(reply.afterMs, () => {
      if (!this.isOpen(line)) return
      if (reply.kind === 'answer') line.status = reply.status
      line.endMs = this.#time.nowMs
      this.#open.delete(line)
      const outcome: Outcome =
        reply.kind === 'answer' ? { kind: 'responded', status: reply.status } : unreachable('connection_reset')
      this.#time.after(between(this.#random, 0, 3), () => resolve(outcome), life)
    })
  }

  /**
   * Depends on nothing but the seed, the delivery and how often it has come. Who has said 2xx once says it again, and soon: a
   * receiver that fails at what it has done would make one repeat into many.
   */
  #next({ messageId, endpoint, bodyHash }: Line): Reply {
    const delivery = `${endpoint} ${messageId}`
    const before = this.#requests.get(delivery) ?? 0
    this.#requests.set(delivery, before + 1)
    const random = randomOf(this.#seed, 'reply', bodyHash, endpoint)
    const lot = random()
    const soonMs = between(random, 0, 30)
    const failures = between(random, 1, FAILURES_MAX)
    const answer = (status: number, afterMs = soonMs): Reply => ({ kind: 'answer', status, afterMs })
    if (lot < DOOMED) return answer(503)
    if (lot < DOOMED + FAILING) return answer(before < failures ? 500 : 200)
    if (lot < DOOMED + FAILING + HANGING) return before === 0 ? { kind: 'hang' } : answer(200)
    if (lot < DOOMED + FAILING + HANGING + SLOW)
      return answer(200, before === 0 ? between(random, 0, SLOW_MS_MAX) : soonMs)
    if (lot < DOOMED + FAILING + HANGING + SLOW + RESET)
      return before === 0 ? { kind: 'reset', afterMs: soonMs } : answer(200)
    return answer(200)
  }

  #end(line: Line): void {
    line.endMs ??= this.#time.nowMs
    this.#open.delete(line)
  }

  #verifies(body: Uint8Array, headers: Record<string, string>): boolean {
    try {
      const now = new Date(Number(headers['webhook-timestamp']) * 1_000)
      verify(body, headers, { secrets: this.#secret, now })
      return true
    } catch {
      return false
    }
  }
}

function headersOf(headers: Post['headers']): Record<string, string> {
  if (!isList(headers)) return { ...headers }
  const pairs: [string, string][] = []
  for (let index = 0; index < headers.length; index += 2)
    pairs.push([(headers[index] ?? '').toLowerCase(), headers[index + 1] ?? ''])
  return Object.fromEntries(pairs)
}

function isList(headers: Post['headers']): headers is readonly string[] {
  return Array.isArray(headers)
}
