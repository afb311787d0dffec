import { setTimeout as sleep } from 'node:timers/promises'
import type { ConnectionOwners } from './connections.ts'
import type { RigDatabase } from './database.ts'
import type { History, Loss } from './history.ts'
import type { FaultKind } from './options.ts'
import type { PlannedFault } from './plan.ts'
import type { ServiceProcess } from './service-process.ts'

export type CrashDriverParts = {
  services: readonly ServiceProcess[]
  database: RigDatabase
  owners: ConnectionOwners
  history: History
  /** Milliseconds of the ledger's clock. */
  now: () => number
  tell: (text: string) => void
}

/** A process that has not stopped by then is killed, and judged by that. */
const STOP_MS_MAX = 30_000
/** A fault that could not begin by then is left out. */
const WAIT_MS_MAX = 20_000
/** A takeover that the next fault of a worker catches in its middle says nothing of either. */
const REST_MS = 5_000
const LOOK_MS = 20
/** What an API process has committed by then is not answered when it dies. */
const UNANSWERED_MS = 150
const CLOCK_STEPS_MS = [-3_600_000, 3_600_000, 86_400_000]

/** Carries out a plan of faults (reliability-security, R4). */
export class CrashDriver {
  readonly #parts: CrashDriverParts
  #clocksSet = 0
  readonly #carry: Record<FaultKind, (fault: PlannedFault) => Promise<void>>

  constructor(parts: CrashDriverParts) {
    this.#parts = parts
    this.#carry = {
      kill: (fault) => this.#kill(this.#victim(fault)),
      term: (fault) => this.#terminate(this.#victim(fault)),
      stop: (fault) => this.#freeze(this.#victim(fault), fault.forMs),
      partition: (fault) => this.#partition(this.#victim(fault), fault),
      'db-kill': () => this.#endDatabase('SIGKILL'),
      'db-restart': () => this.#endDatabase('SIGINT'),
      'db-terminate': () => this.#terminateBackends(),
      'disk-full': (fault) => this.#fillDisk(fault.forMs),
      'slow-disk': (fault) => this.#keepUp('stall', fault.forMs),
      'power-cut': () => this.#cutPower(),
      clock: (fault) => this.#setClock(this.#victim(fault), fault.forMs),
    }
  }

  /** Resolves when the last fault is over and its victim works again. */
  async run(plan: readonly PlannedFault[], signal: AbortSignal): Promise<void> {
    const startedAtMs = this.#parts.now()
    const done: Promise<void>[] = []
    for (const fault of plan) {
      await sleep(Math.max(0, startedAtMs + fault.atMs - this.#parts.now()), undefined, { signal })
      const doing = this.#do(fault)
      doing.catch(() => undefined) // it is thrown below
      done.push(doing)
    }
    await Promise.all(done)
  }

  async #do(fault: PlannedFault): Promise<void> {
    const { history, now, tell } = this.#parts
    if (fault.victim !== null && !(await this.#isReadyFor(this.#victim(fault)))) return
    const done = { kind: fault.kind, victim: fault.victim, atMs: now(), untilMs: Number.POSITIVE_INFINITY }
    history.faults.push(done)
    const what = [fault.kind, fault.victim ?? '', fault.silence ?? ''].filter(Boolean).join(' ')
    tell(`${seconds(done.atMs)} ${what}`)
    await this.#carry[fault.kind](fault)
    done.untilMs = now()
    tell(`${seconds(done.untilMs)} ${what}: over after ${seconds(done.untilMs - done.atMs)}`)
  }

  /** Waits until the victim is well, and another one of its role that can take over. @returns false when that does not come */
  async #isReadyFor(victim: ServiceProcess): Promise<boolean> {
    const { services, now } = this.#parts
    const peers = services.filter((other) => other !== victim && (other.url === null) === (victim.url === null))
    const deadlineMs = now() + WAIT_MS_MAX
    while (!this.#isWell(victim) || (peers.length > 0 && !peers.some((peer) => this.#isWell(peer)))) {
      if (now() > deadlineMs) return false
      await sleep(LOOK_MS)
    }
    return true
  }

  #isWell({ name, url, processId }: ServiceProcess): boolean {
    const { history, now } = this.#parts
    const restMs = url === null ? REST_MS : 0
    const isHit = history.faults.some(({ victim, untilMs }) => victim === name && untilMs + restMs > now())
    return processId !== undefined && !isHit
  }

  #victim({ victim }: PlannedFault): ServiceProcess {
    const service = this.#parts.services.find(({ name }) => name === victim)
    if (!service) throw new Error(`there is no process ${victim}`)
    return service
  }

  async #kill(victim: ServiceProcess): Promise<void> {
    if (victim.url !== null) {
      // between commit and answer
      victim.proxy?.silence('replies')
      await sleep(UNANSWERED_MS)
    }
    this.#parts.owners.look()
    this.#lose(victim, 'kill')
    victim.signal('SIGKILL')
    victim.proxy?.heal()
    await this.#untilAgain(victim)
  }

  async #terminate(victim: ServiceProcess): Promise<void> {
    const { owner } = victim
    const { exitCode, afterMs } = await victim.terminate(STOP_MS_MAX)
    this.#parts.history.stops.push({ owner, exitCode, afterMs })
    await this.#untilAgain(victim)
  }

  async #freeze(victim: ServiceProcess, forMs: number): Promise<void> {
    victim.signal('SIGSTOP')
    this.#lose(victim, 'stop')
    this.#parts.owners.look()
    await sleep(forMs)
    victim.signal('SIGCONT')
  }

  async #partition(victim: ServiceProcess, { silence, forMs }: PlannedFault): Promise<void> {
    if (silence === null) throw new Error('a partition without a direction')
    victim.proxy?.silence(silence)
    await sleep(forMs)
    victim.proxy?.heal()
  }

  async #endDatabase(signal: 'SIGKILL' | 'SIGINT'): Promise<void> {
    const { database, history, now } = this.#parts
    await database.end(signal)
    await database.untilBack()
    history.databaseBackAtMs.push(now())
  }

  /** Full for data: its log goes on in files that are there, as on a volume of its own (F11). */
  async #fillDisk(forMs: number): Promise<void> {
    await this.#parts.database.makeRoomForLog()
    await this.#keepUp('fill', forMs)
  }

  async #keepUp(order: 'fill' | 'stall', forMs: number): Promise<void> {
    const { database } = this.#parts
    await database.disk(order)
    await sleep(forMs)
    await database.disk('heal')
    await database.untilBack()
  }

  async #cutPower(): Promise<void> {
    const { database, history, now } = this.#parts
    if (!(await database.disk('cut'))) history.idleCuts += 1
    await database.untilBack()
    history.databaseBackAtMs.push(now())
  }

  /** An hour back, an hour or a day ahead, and right again. */
  async #setClock(victim: ServiceProcess, forMs: number): Promise<void> {
    this.#clocksSet += 1
    victim.setWallClock(CLOCK_STEPS_MS[this.#clocksSet % CLOCK_STEPS_MS.length] ?? 0)
    await sleep(forMs)
    victim.setWallClock(0)
  }

  async #terminateBackends(): Promise<void> {
    const { database } = this.#parts
    await database.untilBack()
    await database.terminateBackends()
  }

  async #untilAgain(victim: ServiceProcess): Promise<void> {
    while (victim.processId !== undefined) await sleep(LOOK_MS) // on its way to die it still looks ready
    await victim.untilReady()
  }

  #lose({ owner }: ServiceProcess, how: Loss['how']): void {
    this.#parts.history.losses.push({ owner, atMs: this.#parts.now(), how })
  }
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(2)} s`
}
