import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FaultProxy } from './proxy.ts'

export type ServiceOrders = {
  /** `worker-1`; its lives are `worker-1#1`, `worker-1#2` … */
  name: string
  /** Script and arguments. */
  entry: readonly string[]
  environment: Record<string, string>
  /** Base URL of its API; null: it has none. */
  url: string | null
  /** Between it and the database. */
  proxy: FaultProxy | null
  /** The file that sets its wall clock (`wall-clock.ts`). */
  wallClock?: string
  /** A command and its arguments that run what comes after them somewhere else. */
  through?: readonly string[]
}

export type ServiceEvents = {
  /** A line of its log. */
  logged(owner: string, line: LogLine): void
  started(processId: number): void
  /** It has ended; `asked`: because the rig wanted it to. */
  ended(processId: number, owner: string, how: string, asked: boolean): void
}
export type LogLine = { event: string; reason: string; records: number }

const RESTART_PAUSE_MS = 250
const STARTS_MAX = 60
const LAST_WORDS = 12

/** It did not start; the message is what it said. */
export class NotStarted extends Error {}

/** One process of the service, started from its entry point and started again whenever it ends. */
export class ServiceProcess {
  readonly #orders: ServiceOrders
  readonly #events: ServiceEvents
  #child: ChildProcess | null = null
  #lives = 0
  #ready = false
  #asked = false
  #closed = false
  #lastWords: string[] = []
  #restarting: Promise<void> = Promise.resolve()

  constructor(orders: ServiceOrders, events: ServiceEvents) {
    this.#orders = orders
    this.#events = events
  }

  get name(): string {
    return this.#orders.name
  }

  get url(): string | null {
    return this.#orders.url
  }

  get proxy(): FaultProxy | null {
    return this.#orders.proxy
  }

  /** Its present life. */
  get owner(): string {
    return `${this.name}#${this.#lives}`
  }

  get processId(): number | undefined {
    return this.#ready ? this.#child?.pid : undefined
  }

  /** The first start. @throws NotStarted */
  async start(): Promise<void> {
    await this.#live()
  }

  /** Resolves when it is ready, after restarts where need be. @throws NotStarted */
  async untilReady(): Promise<void> {
    await this.#restarting
  }

  setWallClock(offMs: number): void {
    if (this.#orders.wallClock) writeFileSync(this.#orders.wallClock, String(offMs))
  }

  signal(signal: NodeJS.Signals): void {
    if (signal === 'SIGKILL' || signal === 'SIGTERM') this.#asked = true
    this.#child?.kill(signal)
  }

  /** Asks it to stop, and waits until it has. It is started again afterwards. */
  async terminate(msMax: number): Promise<{ exitCode: number | null; afterMs: number }> {
    const child = this.#child
    const startedAtMs = performance.now()
    if (!child || child.exitCode !== null || child.signalCode !== null) return { exitCode: null, afterMs: 0 }
    const exited = once(child, 'exit')
    this.signal('SIGTERM')
    const late = setTimeout(() => child.kill('SIGKILL'), msMax)
    await exited
    clearTimeout(late)
    return { exitCode: child.exitCode, afterMs: performance.now() - startedAtMs }
  }

  /** Whatever it does, it does not come back. */
  async close(): Promise<void> {
    this.#closed = true
    const child = this.#child
    if (child && child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    }
    await this.#restarting.catch(() => undefined)
  }

  /** It is not started again when it ends the next time. */
  retire(): void {
    this.#closed = true
  }

  /** Starts it and sees to it that it is started again. */
  async #live(): Promise<void> {
    this.#lives += 1
    this.#asked = false
    this.#lastWords = []
    const [owner, events] = [this.owner, this.#events]
    const [command = '', ...args] = [...(this.#orders.through ?? []), process.execPath, ...this.#orders.entry]
    const child = spawn(command, args, {
      env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', ...this.#orders.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    const { pid = 0 } = child
    events.started(pid)
    createInterface({ input: child.stderr }).on('line', (line) => this.#hear(owner, line))
    const ready = Promise.withResolvers<void>()
    // its first word is that it is ready
    child.stdout.once('data', () => {
      this.#ready = true
      ready.resolve()
    })
    child.stdout.on('data', () => {})
    child.once('exit', (code, signal) => {
      const wasReady = this.#ready
      this.#ready = false
      events.ended(pid, owner, String(code ?? signal), this.#asked || this.#closed || !wasReady)
      if (wasReady && !this.#closed) this.#restarting = this.#restart()
      ready.reject(
        new NotStarted(`${owner} ended before it was ready (${code ?? signal}): ${this.#lastWords.join(' ')}`),
      )
    })
    await ready.promise
  }

  async #restart(): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      if (this.#closed) return
      try {
        return await this.#live()
      } catch (error) {
        // without a database it cannot start, and says so
        if (this.#closed) return
        if (tries >= STARTS_MAX) throw error
        await sleep(RESTART_PAUSE_MS)
      }
    }
  }

  #hear(owner: string, text: string): void {
    const line = parseLine(text)
    if (line) {
      this.#events.logged(owner, line)
      return
    }
    this.#lastWords.push(text)
    if (this.#lastWords.length > LAST_WORDS) this.#lastWords.shift()
  }
}

function parseLine(text: string): LogLine | undefined {
  try {
    const line: unknown = JSON.parse(text)
    if (typeof line !== 'object' || line === null || !('event' in line)) return undefined
    const { event, reason, records } = line as Record<string, unknown>
    return { event: String(event), reason: typeof reason === 'string' ? reason : '', records: Number(records ?? 0) }
  } catch {
    return undefined
  }
}
