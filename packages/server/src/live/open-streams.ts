import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { addMs, type Clock } from '#src/adapters/clock.ts'
import { EventStream } from '#src/adapters/http/event-stream.ts'
import { reasonOf } from '#src/adapters/reason.ts'
import { DomainError } from '#src/domain-error.ts'
import type { LiveHub } from './hub.ts'

/** Streams of one account, and of all accounts, that this process holds open. */
const STREAMS_PER_ACCOUNT_MAX = 50
const STREAMS_MAX = 2_000
const COMMENT_MS = 15_000
/** How often a stream asks whether it may go on. With what is remembered of a token, it ends within 5 s of its revocation. */
const CHECK_MS = 2_000
const RETRY_MS = 1_000

/** What a stream does: writes what is new, and says whether there is more, or when it may be asked again. */
export type Step = () => Promise<'more' | 'idle'>

/** What a stream is about, once it is known. */
export type Beginning = {
  step: Step
  /** Whether its reader may still have it. @throws what the database throws, which is no answer */
  isAllowed: () => Promise<boolean>
}

/** The streams of this process, from their opening to their end. */
export class OpenStreams {
  readonly #hub: LiveHub
  readonly #clock: Clock
  readonly #log: Logger
  readonly #open = new Map<EventStream, string>()
  #stopping = false

  constructor(parts: { hub: LiveHub; clock: Clock; log: Logger }) {
    this.#hub = parts.hub
    this.#clock = parts.clock
    this.#log = parts.log
  }

  get size(): number {
    return this.#open.size
  }

  /**
   * Opens a stream and has it written to whenever there is something new in the account, until it ends.
   * @throws what `begin` throws; DomainError rate_limited: the account has too many; unavailable: the process stops
   */
  async open(accountId: string, begin: (stream: EventStream) => Promise<Beginning>): Promise<EventStream> {
    this.#admit(accountId)
    const stream = new EventStream()
    this.#open.set(stream, accountId)
    stream.onEnd(() => this.#open.delete(stream))
    try {
      this.#follow(stream, accountId, await begin(stream))
    } catch (error) {
      stream.abandon()
      throw error
    }
    return stream
  }

  /** Says good-bye to all of them. */
  close(): void {
    this.#stopping = true
    for (const stream of this.#open.keys()) bye(stream, 'shutting_down')
  }

  #admit(accountId: string): void {
    if (this.#stopping) throw new DomainError('unavailable', 'This process is stopping.', { retryAfterSeconds: 1 })
    const own = [...this.#open.values()].filter((id) => id === accountId).length
    if (own < STREAMS_PER_ACCOUNT_MAX && this.#open.size < STREAMS_MAX) return
    const message = `At most ${STREAMS_PER_ACCOUNT_MAX} streams of an account are open at once.`
    throw new DomainError('rate_limited', message, { retryAfterSeconds: 10 })
  }

  #follow(stream: EventStream, accountId: string, { step, isAllowed }: Beginning): void {
    let ring = () => {}
    let isRung = true // what is there already
    const stopListening = this.#hub.listen(accountId, () => {
      isRung = true
      ring()
    })
    const stopChecking = this.#check(stream, isAllowed)
    const stopComments = this.#every(COMMENT_MS, async () => stream.comment())
    stream.onEnd(() => {
      stopListening()
      stopChecking()
      stopComments()
      ring()
    })
    const rung = async () => {
      if (!isRung && !stream.ended) {
        const { promise, resolve } = Promise.withResolvers<void>()
        ring = resolve
        await promise
      }
      isRung = false
    }
    void this.#write(stream, step, rung)
  }

  async #write(stream: EventStream, step: Step, rung: () => Promise<void>): Promise<void> {
    let isFailing = false
    while (!stream.ended) {
      if (isFailing) await sleep(RETRY_MS)
      else await rung()
      try {
        while (!stream.ended && (await step()) === 'more') await stream.taken()
        isFailing = false
      } catch (error) {
        if (!isFailing) this.#log.warn({ event: 'live.read_failed', reason: reasonOf(error) })
        isFailing = true
      }
    }
  }

  /** Asks now and then whether the stream may go on. @returns what ends it */
  #check(stream: EventStream, isAllowed: Beginning['isAllowed']): () => void {
    return this.#every(CHECK_MS, async () => {
      try {
        if (!(await isAllowed())) bye(stream, 'session_ended')
      } catch {
        // nobody knows while the database does not answer, and nothing is read meanwhile
      }
    })
  }

  #every(ms: number, action: () => Promise<void>): () => void {
    let isOver = false
    const set = () => this.#clock.alarm(addMs(this.#clock.now(), ms), () => void action().then(again))
    const again = () => {
      if (!isOver) alarm = set()
    }
    let alarm = set()
    return () => {
      isOver = true
      alarm.cancel()
    }
  }
}

function bye(stream: EventStream, reason: 'session_ended' | 'shutting_down'): void {
  stream.end({ event: 'bye', data: { reason } })
}
