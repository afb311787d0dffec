import type { Connection, SessionOptions } from './connection.ts'
import { DatabaseBusy, DatabaseUnavailable } from './errors.ts'
import { Session } from './session.ts'

export type PoolOptions = SessionOptions & { connectionsMax: number; waitMsMax: number; waitersMax: number }

type Waiter = {
  sinceMs: number
  resolve: (session: Session) => void
  reject: (error: unknown) => void
  timer: NodeJS.Timeout
}

/** A bounded number of sessions, and a bounded queue of those who wait for one. */
export class Pool {
  readonly #connection: Connection
  readonly #options: PoolOptions
  readonly #open = new Set<Session>()
  readonly #idle: Session[] = []
  readonly #waiters = new Set<Waiter>()
  #connecting = 0
  #closed: PromiseWithResolvers<void> | undefined

  constructor(connection: Connection, options: PoolOptions) {
    this.#connection = connection
    this.#options = options
  }

  get stats(): { total: number; idle: number; waiting: number } {
    return { total: this.#open.size, idle: this.#idle.length, waiting: this.#waiters.size }
  }

  /**
   * A session for the caller alone, to be given back with `release`.
   * @param deadlineMs  on the scale of `performance.now()`
   * @throws DatabaseBusy when all stay in use for `waitMsMax`; DatabaseUnavailable when none can be opened, or the server has
   *         gone silent towards all who use one
   */
  async acquire(deadlineMs: number): Promise<Session> {
    if (this.#closed) throw new DatabaseUnavailable('closed')
    const idle = this.#idle.pop()
    if (idle) return idle
    if (this.#waiters.size >= this.#options.waitersMax) throw new DatabaseBusy('pool')
    const { promise, resolve, reject } = Promise.withResolvers<Session>()
    const sinceMs = performance.now()
    const waitMs = Math.max(0, Math.min(this.#options.waitMsMax, deadlineMs - sinceMs))
    const waiter = { sinceMs, resolve, reject, timer: setTimeout(() => this.#expire(waiter), waitMs) }
    this.#waiters.add(waiter)
    this.#grow()
    return await promise
  }

  /** Takes a session back; one that is lost, or not at rest, is replaced. */
  release(session: Session): void {
    if (!session.usable) return
    if (!session.atRest) session.destroy()
    else this.#offer(session)
  }

  /** Refuses new callers, gives those who have a session `msMax` to return it, and ends all connections. */
  async close(msMax: number): Promise<void> {
    if (!this.#closed) {
      this.#closed = Promise.withResolvers<void>()
      this.#refuseAll(new DatabaseUnavailable('closed'))
      for (const session of this.#idle.splice(0)) this.#retire(session)
      this.#settleClose()
    }
    const timer = setTimeout(() => {
      for (const session of this.#open) session.destroy()
      this.#closed?.resolve() // one that is still being opened is ended when it is
    }, msMax)
    await this.#closed.promise
    clearTimeout(timer)
  }

  #offer(session: Session): void {
    const waiter = this.#nextWaiter()
    if (this.#closed) this.#retire(session)
    else if (waiter) waiter.resolve(session)
    else this.#idle.push(session)
  }

  #nextWaiter(): Waiter | undefined {
    for (const waiter of this.#waiters) {
      this.#remove(waiter)
      return waiter
    }
    return undefined
  }

  #grow(): void {
    if (this.#closed) return
    if (this.#connecting >= this.#waiters.size) return
    if (this.#open.size + this.#connecting >= this.#options.connectionsMax) return
    this.#connecting += 1
    void Session.connect(this.#connection, this.#options).then(
      (session) => {
        this.#connecting -= 1
        this.#open.add(session)
        session.onLost(() => this.#forget(session))
        if (session.usable) this.#offer(session)
        this.#settleClose()
      },
      (error: unknown) => {
        this.#connecting -= 1
        // with a connection open, waiting for it is better than an error; without any, waiting is in vain
        if (this.#open.size === 0 && this.#connecting === 0) this.#refuseAll(error)
        this.#settleClose()
      },
    )
  }

  #forget(session: Session): void {
    this.#open.delete(session)
    const index = this.#idle.indexOf(session)
    if (index >= 0) this.#idle.splice(index, 1)
    this.#grow()
    this.#settleClose()
  }

  #retire(session: Session): void {
    const ended = () => {
      this.#open.delete(session)
      this.#settleClose()
    }
    void session.end().then(ended, ended)
  }

  #expire(waiter: Waiter): void {
    this.#waiters.delete(waiter)
    waiter.reject(this.#whyNone(waiter.sinceMs))
  }

  // Callers who keep their connections for long make the pool busy; a server that answers none of them makes it useless.
  #whyNone(sinceMs: number): Error {
    if (this.#open.size === 0) return new DatabaseUnavailable('unreachable')
    const nowMs = performance.now()
    const silentForMs = Math.min(...Array.from(this.#open, (session) => session.silentForMs(nowMs)))
    return silentForMs > (nowMs - sinceMs) / 2 ? new DatabaseUnavailable('timed_out') : new DatabaseBusy('pool')
  }

  #refuseAll(error: unknown): void {
    for (const waiter of this.#waiters) {
      this.#remove(waiter)
      waiter.reject(error)
    }
  }

  #remove(waiter: Waiter): void {
    clearTimeout(waiter.timer)
    this.#waiters.delete(waiter)
  }

  #settleClose(): void {
    if (this.#closed && this.#open.size === 0 && this.#connecting === 0) this.#closed.resolve()
  }
}
