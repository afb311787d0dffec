import type { Account } from '#src/accounts/principal.ts'
import { addMs, type Clock } from '#src/adapters/clock.ts'
import type { Npn } from '#src/population/npn.ts'

/** Those of an account's NPNs whose data is not being loaded any more. */
export type ReadLoaded = (account: Account, npns: readonly Npn[]) => Promise<Npn[]>

/** Longest wait for a first load. Source: producersync-api 6. */
const WAIT_MS = 20_000
const LOOK_EVERY_MS = 200
/** Whoever comes later does not wait. */
const WAITERS_MAX = 1_000

type Waiter = { account: Account; npn: Npn; end: () => void }

/**
 * Lets reads wait for first loads. However many wait, each account is asked about all of its NPNs in one short statement,
 * five times a second: nobody who waits holds a connection or a transaction.
 */
export class LoadWatch {
  readonly #clock: Clock
  readonly #readLoaded: ReadLoaded
  readonly #waiters = new Set<Waiter>()
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor(clock: Clock, readLoaded: ReadLoaded) {
    this.#clock = clock
    this.#readLoaded = readLoaded
  }

  /** Resolves when the NPN is no longer loading, after 20 s, or when `signal` says that nobody waits any more. */
  async wait({ account, npn }: { account: Account; npn: Npn }, signal: AbortSignal): Promise<void> {
    if (this.#closed || signal.aborted || this.#waiters.size >= WAITERS_MAX) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const waiter = { account, npn, end: () => resolve() }
    const alarm = this.#clock.alarm(addMs(this.#clock.now(), WAIT_MS), waiter.end)
    signal.addEventListener('abort', waiter.end, { once: true })
    this.#waiters.add(waiter)
    this.#lookLater()
    await promise
    this.#waiters.delete(waiter)
    signal.removeEventListener('abort', waiter.end)
    alarm.cancel()
  }

  /** Nobody waits any longer. */
  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    for (const { end } of this.#waiters) end()
  }

  #lookLater(): void {
    if (this.#closed) return
    this.#timer ??= setTimeout(() => {
      void this.#look().finally(() => {
        this.#timer = undefined
        if (this.#waiters.size > 0) this.#lookLater()
      })
    }, LOOK_EVERY_MS)
  }

  async #look(): Promise<void> {
    for (const waiters of Map.groupBy(this.#waiters, ({ account }) => account.id).values()) {
      const [first] = waiters
      if (!first) continue
      try {
        const loaded = new Set(await this.#readLoaded(first.account, [...new Set(waiters.map(({ npn }) => npn))]))
        for (const { npn, end } of waiters) if (loaded.has(npn)) end()
      } catch {
        // asked again, until each wait has had its time
      }
    }
  }
}
