import { addMs, type Clock } from '#src/adapters/clock.ts'
import { DomainError } from '#src/domain-error.ts'

const WAIT_MS_MAX = 2_000
/** Of one account. */
const WAITING_MAX = 100

type Line = { running: number; waiting: Set<() => void> }

/**
 * Long reads, of which an account has a few at a time: whatever it asks for, others find a connection free. Further ones wait for
 * their turn, in order.
 */
export class Turns {
  readonly #clock: Clock
  readonly #atOnceMax: number
  readonly #lines = new Map<string, Line>()

  constructor(clock: Clock, atOnceMax: number) {
    this.#clock = clock
    this.#atOnceMax = atOnceMax
  }

  /**
   * Does `work` when it is the account's turn.
   * @throws DomainError unavailable when that is not within 2 s, or too many wait; otherwise what `work` throws
   */
  async take<T>(accountId: string, work: () => Promise<T>): Promise<T> {
    const line = this.#lines.get(accountId) ?? { running: 0, waiting: new Set() }
    this.#lines.set(accountId, line)
    if (line.running < this.#atOnceMax) line.running += 1
    else await this.#wait(line)
    try {
      return await work()
    } finally {
      const [next] = line.waiting
      if (next) next()
      else line.running -= 1
      if (line.running === 0) this.#lines.delete(accountId)
    }
  }

  /** Resolves when another one hands its turn over. */
  async #wait(line: Line): Promise<void> {
    if (line.waiting.size >= WAITING_MAX) throw busy()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const start = () => {
      line.waiting.delete(start)
      resolve()
    }
    line.waiting.add(start)
    const alarm = this.#clock.alarm(addMs(this.#clock.now(), WAIT_MS_MAX), () => {
      if (line.waiting.delete(start)) reject(busy())
    })
    try {
      await promise
    } finally {
      alarm.cancel()
    }
  }
}

function busy(): DomainError {
  return new DomainError('unavailable', 'Too many lists of this account are being read at once.')
}
