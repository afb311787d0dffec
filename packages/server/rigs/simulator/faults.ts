import type { LaneHint } from '#src/delivery/lanes.ts'
import { between, type Random } from '../chaos/chance.ts'
import type { Fault, History } from '../chaos/history.ts'
import type { FaultKind } from '../chaos/options.ts'
import type { Hints } from './hints.ts'
import type { Network } from './link.ts'
import type { SimFault } from './scenario.ts'
import type { SimProcess } from './sim-process.ts'
import type { SimReceivers } from './sim-receivers.ts'
import { type Life, nameOf, type VirtualTime } from './virtual-time.ts'

const RESTART_MS = [200, 2_000] as const
/** Of the names of a fault in the simulation, what the checker calls it. */
const KINDS: Record<SimFault['kind'], FaultKind> = {
  kill: 'kill',
  'crash-at': 'kill',
  freeze: 'stop',
  stop: 'term',
  'double-wake': 'term',
  partition: 'partition',
  slow: 'partition',
  'database-clock': 'db-restart',
  'wall-clock': 'term',
}

type Parts = {
  time: VirtualTime
  random: Random
  network: Network
  hints: Hints
  history: History
  receivers: SimReceivers
  /** The present lives. */
  processes: readonly SimProcess[]
  /** All lanes that there are, for hints that nobody needs. */
  lanes: readonly LaneHint[]
  /** A process begins its next life. */
  start: (number: number) => void
  /** A fault is over. */
  over: () => void
  tell: (text: string) => void
}

/** What is done to the processes of a simulation, their network and their clocks. */
export class Faults {
  readonly #parts: Parts
  readonly #crashes: Extract<SimFault, { kind: 'crash-at' }>[] = []
  /** That are to come, or are not over. */
  underWay = 0
  /** By how much the database's clock was set. */
  databaseOffMs = 0
  clocksWereSet = false

  constructor(parts: Parts) {
    this.#parts = parts
  }

  plan(faults: readonly SimFault[]): void {
    this.underWay = faults.length
    for (const fault of faults) this.#parts.time.after(fault.atMs, () => this.#inflict(fault))
  }

  #inflict(fault: SimFault): void {
    const { time, network, history, processes, tell } = this.#parts
    const { kind, forMs } = fault
    const victim = nameOf(fault.victim)
    const process = processes[fault.victim]
    const done: Fault = { kind: KINDS[kind], victim, atMs: time.nowMs, untilMs: Number.POSITIVE_INFINITY }
    history.faults.push(done)
    tell(`fault ${JSON.stringify(fault)}`)
    const over = () => {
      done.untilMs = time.nowMs
      this.underWay -= 1
      this.#parts.over()
      tell(`over: ${kind} of ${victim}`)
    }
    if (!process || process.life.state === 'dead') {
      over()
      return
    }
    switch (kind) {
      case 'kill':
        this.#kill(fault.victim)
        over()
        return
      case 'crash-at':
        this.#crashes.push(fault)
        time.after(forMs, over)
        return
      case 'freeze':
        this.#freeze(process.life, forMs, over)
        return
      case 'stop':
        process.stop().then(
          () => this.#kill(fault.victim, 'asked'),
          () => undefined,
        )
        time.after(forMs, over)
        return
      case 'partition':
        network.silence(victim, fault.silence)
        break
      case 'slow':
        network.slow(victim, fault.slowMs)
        break
      case 'double-wake':
        this.#doubleWake(process.life)
        over()
        return
      case 'database-clock':
        this.clocksWereSet = true
        this.databaseOffMs += fault.stepMs
        over()
        return
      case 'wall-clock':
        process.life.wallOffMs += fault.stepMs * 1_000
        over()
        return
      default:
        kind satisfies never
        return
    }
    time.after(forMs, () => {
      network.heal(victim)
      over()
    })
  }

  /** @returns what never resolves, when the process dies here */
  crashAt(life: Life, point: string): Promise<void> | undefined {
    const [name] = life.owner.split('#')
    const index = this.#crashes.findIndex((crash) => nameOf(crash.victim) === name && crash.point === point)
    const crash = this.#crashes[index]
    if (!crash || life.state !== 'running') return undefined
    crash.nth -= 1
    if (crash.nth > 0) return undefined
    this.#crashes.splice(index, 1)
    this.#parts.tell(`${life.owner} crashes at ${point}`)
    this.#kill(crash.victim)
    return new Promise(() => undefined)
  }

  /** A process that could not start ends, and is started again. */
  restart(number: number, life: Life): void {
    if (this.#parts.processes[number]?.life === life) this.#end(number, life)
  }

  #kill(number: number, how: 'kill' | 'asked' = 'kill'): void {
    const { time, network, history, receivers, processes, tell } = this.#parts
    const life = processes[number]?.life
    if (!life || life.state === 'dead') return
    tell(`${life.owner} ends (${how})`)
    const loss = { owner: life.owner, atMs: time.nowMs }
    if (how === 'kill') history.losses.push({ ...loss, how: 'kill' })
    else if (network.isSilent(nameOf(number))) history.losses.push({ ...loss, how: 'lease' }) // it could record nothing
    receivers.dropAllOf(life)
    this.#end(number, life)
  }

  #end(number: number, life: Life): void {
    const { time, random, start } = this.#parts
    life.state = 'dead'
    for (const cut of life.cuts) cut()
    time.after(between(random, ...RESTART_MS), () => start(number))
  }

  #freeze(life: Life, forMs: number, over: () => void): void {
    const { time, history } = this.#parts
    if (life.state !== 'running') {
      over()
      return
    }
    life.state = 'frozen'
    history.losses.push({ owner: life.owner, atMs: time.nowMs, how: 'stop' })
    time.after(forMs, () => {
      over()
      if (life.state !== 'frozen') return
      life.state = 'running'
      for (const run of life.held.splice(0)) time.after(0, run, life)
    })
  }

  #doubleWake(life: Life): void {
    const { hints, lanes } = this.#parts
    for (let times = 0; times < 2; times += 1) hints.sendTo(life, lanes)
  }
}
