import { AsyncLocalStorage } from 'node:async_hooks'
import TinyQueue from 'tinyqueue'

/** One life of a process in the simulation: what it had waiting goes with it, and a frozen one gets it when it wakes. */
export class Life {
  readonly owner: string // worker-1#2
  state: 'running' | 'frozen' | 'dead' = 'running'
  /** What its own wall clock is off by; nothing may depend on it. */
  wallOffMs = 0
  held: (() => void)[] = []
  /** Ends its connections. */
  readonly cuts = new Set<() => void>()

  constructor(owner: string) {
    this.owner = owner
  }
}

/** A process, through all its lives. */
export function nameOf(number: number): string {
  return `worker-${number + 1}`
}

/** Whose code is running; undefined: the simulator's own, or the network's. */
export const running = new AsyncLocalStorage<Life | undefined>()

type Event = {
  atMs: number
  number: number
  life: Life | undefined
  run: () => void
  canceled: boolean
  everyMs: number | null
}

const real = {
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setImmediate: globalThis.setImmediate,
  now: performance.now.bind(performance),
}
/** Turns of the loop in which code goes on by itself after something has happened: promises, and what it puts off by `setImmediate`. */
const TURNS = 2
/** Work of the real database that takes longer may be waiting for a lock. */
const LOOK_MS = 12

/** The monotonic clock of the machine that runs the simulation. */
export function realNowMs(): number {
  return real.now()
}

/**
 * One clock for everything in this process: timers fire in the order of their moments, one at a time, each when all that
 * came of the one before has come to rest. Between two moments no time passes.
 */
export class VirtualTime {
  readonly epochMs: number
  nowMs = 0
  #events = new TinyQueue<Event>([], inOrder)
  #numbers = 0
  #working = 0
  #worked = Promise.withResolvers<void>()
  /** Is all that is being worked on waiting for a lock? */
  readonly #isStuck: (working: number) => Promise<boolean>

  constructor(epochMs: number, isStuck: (working: number) => Promise<boolean>) {
    this.epochMs = epochMs
    this.#isStuck = isStuck
  }

  /** Puts itself in the place of the clocks and timers of this process, once and for all. */
  install(): void {
    const timer =
      (everyMs: (ms: number) => number | null) =>
      (run: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) => {
        const waitMs = Math.max(1, ms || 0)
        const event = this.#add(waitMs, () => run(...args), running.getStore(), everyMs(waitMs))
        return Object.assign(event, { ref: () => event, unref: () => event, hasRef: () => true })
      }
    const clear = (event: Event | undefined) => {
      if (event) event.canceled = true
    }
    const globals = {
      setTimeout: timer(() => null),
      setInterval: timer((ms) => ms),
      clearTimeout: clear,
      clearInterval: clear,
    }
    for (const [name, value] of Object.entries(globals)) Object.defineProperty(globalThis, name, { value })
    Object.defineProperty(performance, 'now', { value: () => this.nowMs })
    Object.defineProperty(Date, 'now', {
      value: () => this.epochMs + this.nowMs + (running.getStore()?.wallOffMs ?? 0),
    })
  }

  /** Starts anew at 0, with nothing planned. */
  reset(): void {
    this.nowMs = 0
    this.#events = new TinyQueue<Event>([], inOrder)
    this.#numbers = 0
  }

  /** Plans something that is no process's own. */
  after(ms: number, run: () => void, life?: Life): void {
    this.#add(ms, run, life, null)
  }

  /** Resolves so much later; for a process: when it can take notice. */
  async sleep(ms: number, life?: Life): Promise<void> {
    await new Promise<void>((resolve) => this.after(ms, resolve, life))
  }

  /** Runs the next event and all that comes of it. @returns false when nothing is planned any more */
  async step(): Promise<boolean> {
    const event = this.#next()
    if (!event) return false
    this.nowMs = Math.max(this.nowMs, event.atMs)
    const { life, everyMs, run } = event
    // the same event again, so that clearing the interval reaches it
    if (everyMs !== null && life?.state !== 'dead')
      this.#events.push(Object.assign(event, { atMs: this.nowMs + everyMs, number: this.#numbers++ }))
    if (life?.state === 'dead') return true
    if (life?.state === 'frozen') {
      life.held.push(() => running.run(life, run))
      return true
    }
    running.run(life, run)
    await this.rest()
    return true
  }

  /** Work begins that takes real time: until it has ended, or waits for a lock, nothing else happens. */
  enterWork(): void {
    this.#working += 1
  }

  leaveWork(): void {
    this.#working -= 1
    this.#worked.resolve()
    this.#worked = Promise.withResolvers<void>()
  }

  /** Resolves when nothing goes on any more by itself. */
  async rest(): Promise<void> {
    for (;;) {
      for (let turn = 0; turn < TURNS; turn += 1) await new Promise<void>((resolve) => real.setImmediate(resolve))
      if (this.#working === 0) return
      if ((await this.#isLate()) && (await this.#isStuck(this.#working))) return
    }
  }

  async #isLate(): Promise<boolean> {
    const late = Promise.withResolvers<boolean>()
    const timer = real.setTimeout(() => late.resolve(true), LOOK_MS)
    const isLate = await Promise.race([late.promise, this.#worked.promise.then(() => false)])
    real.clearTimeout(timer)
    return isLate
  }

  #add(ms: number, run: () => void, life: Life | undefined, everyMs: number | null): Event {
    const event: Event = { atMs: this.nowMs + ms, number: this.#numbers++, life, run, canceled: false, everyMs }
    this.#events.push(event)
    return event
  }

  #next(): Event | undefined {
    for (let event = this.#events.pop(); event; event = this.#events.pop()) if (!event.canceled) return event
    return undefined
  }
}

function inOrder(a: Event, b: Event): number {
  return a.atMs - b.atMs || a.number - b.number
}
