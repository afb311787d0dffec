import type { Failpoint } from '#src/delivery/failpoint.ts'
import type { LaneHint } from '#src/delivery/lanes.ts'
import { newSecret } from '#src/endpoints/signing-secret.ts'
import { between, type Random, randomOf } from '../chaos/chance.ts'
import type { Verdict } from '../chaos/check.ts'
import { type Fault, History } from '../chaos/history.ts'
import { Ledger } from '../chaos/ledger.ts'
import type { FaultKind } from '../chaos/options.ts'
import type { LogLine } from '../chaos/service-process.ts'
import { describeProcess } from './autopsy.ts'
import { leasesOf } from './breaks.ts'
import { judge } from './judge.ts'
import { Network } from './link.ts'
import type { Break } from './options.ts'
import { Producer } from './producer.ts'
import { draw, type Scenario, type SimFault } from './scenario.ts'
import { SimDatabase } from './sim-database.ts'
import { SimProcess } from './sim-process.ts'
import { SimReceivers } from './sim-receivers.ts'
import { ACCOUNTS, ENDPOINTS, type Site } from './site.ts'
import { MAX_CONCURRENCY, targetOf } from './target.ts'
import { type Life, realNowMs, type VirtualTime } from './virtual-time.ts'

/** What a seed has shown. */
export type SeedResult = {
  seed: number
  violations: string[]
  steps: number
  simulatedMs: number
  realMs: number
  faults: number
  requests: number
  accepted: number
  duplicates: number
  duplicatesBound: number
  overlapsFrozen: number
}

/** Client limits of `app.ts`. */
const TIMEOUTS_MS = { accept: 2_000, worker: 6_000, lease: 1_000 } as const
/** After the last fault and the last event all has to be at its end by then: schedule, takeover, backlog. */
const DRAIN_MS = 40_000
/** A look for shards, and the longest attempt. */
const HAND_OVER_MS = 10_000
const RESTART_MS = [200, 2_000] as const
/** Well within the time in which lateness is laid to a fault. */
const LOST_HINTS_MS = 5_000
const STEPS_MAX = 60_000
const CHECK_EVERY_MS = 500
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

/** One seed: a service of a few processes under the faults that it draws, judged after every step. */
export class Simulation {
  readonly #time: VirtualTime
  readonly #site: Site
  readonly #shards: readonly number[]
  readonly #break: Break | null
  readonly #scenario: Scenario
  readonly #random: Random
  readonly #network: Network
  readonly #ledger = new Ledger()
  readonly #history = new History()
  readonly #receivers: SimReceivers
  readonly #secret = newSecret()
  readonly #processes: SimProcess[] = []
  readonly #lives: number[] = []
  readonly #crashes: Extract<SimFault, { kind: 'crash-at' }>[] = []
  readonly #violations = new Set<string>()
  readonly #tell: (text: string) => void
  #databaseOffMs = 0
  #clocksWereSet = false
  #isDirty = false
  readonly #producer: Producer
  #faultsUnderWay = 0

  constructor(parts: {
    time: VirtualTime
    site: Site
    shards: readonly number[]
    seed: number
    break: Break | null
    tell: (text: string) => void
  }) {
    this.#time = parts.time
    this.#site = parts.site
    this.#shards = parts.shards
    this.#break = parts.break
    this.#tell = parts.tell
    this.#scenario = draw(parts.seed)
    this.#random = randomOf(parts.seed, 'simulation')
    this.#network = new Network(parts.time, randomOf(parts.seed, 'network'))
    this.#network.onPassing = (life, passing) => {
      void this.#crashAt(life, passing)
    }
    this.#producer = new Producer({
      time: parts.time,
      random: this.#random,
      seed: parts.seed,
      ledger: this.#ledger,
      processes: this.#processes,
      events: this.#scenario.events.length,
      acknowledged: (text) => {
        this.#isDirty = true
        this.#say(text)
      },
    })
    this.#receivers = new SimReceivers({
      time: parts.time,
      seed: parts.seed,
      ledger: this.#ledger,
      secret: this.#secret,
      endpoints: new Map(ENDPOINTS.map(({ id }, number) => [id, number])),
    })
  }

  async run(): Promise<SeedResult> {
    const startedAtMs = realNowMs()
    const { seed, processes, events, faults } = this.#scenario
    this.#time.reset()
    await this.#site.clear()
    for (let number = 0; number < processes; number += 1) this.#start(number)
    for (const event of events) this.#time.after(event.atMs, () => this.#producer.publish(event.account, event.padding))
    this.#faultsUnderWay = faults.length
    for (const fault of faults) this.#time.after(fault.atMs, () => this.#inflict(fault))
    let steps = 0
    let verdict: Verdict | undefined
    let checkedAtMs = 0
    while (this.#violations.size === 0 && steps < STEPS_MAX && (await this.#time.step())) {
      steps += 1
      const { nowMs } = this.#time
      if (!this.#isDirty && nowMs - checkedAtMs < CHECK_EVERY_MS) continue
      if (!this.#isDirty && this.#faultsUnderWay + this.#producer.unacknowledged > 0) continue
      this.#isDirty = false
      checkedAtMs = nowMs
      verdict = await this.#judge(false)
      if (this.#isOver(verdict)) break
      if (nowMs > this.#deadlineMs()) break
    }
    verdict = await this.#judge(this.#violations.size === 0)
    if (this.#violations.size > 0) await this.#describe()
    await this.#end()
    return {
      seed,
      violations: [...this.#violations],
      steps,
      simulatedMs: this.#time.nowMs,
      realMs: realNowMs() - startedAtMs,
      faults: this.#history.faults.length,
      requests: this.#ledger.lines.length,
      accepted: this.#ledger.acknowledged,
      duplicates: verdict.duplicates,
      duplicatesBound: verdict.duplicatesBound,
      overlapsFrozen: verdict.overlapsFrozen,
    }
  }

  #start(number: number): void {
    const lives = (this.#lives[number] ?? 0) + 1
    this.#lives[number] = lives
    const process = new SimProcess({
      name: nameOf(number),
      number: lives,
      databases: { accept: this.#database('accept'), worker: this.#database('worker'), lease: this.#database('lease') },
      outgoing: this.#receivers.outgoing(),
      random: () => (this.#break === 'jitter-subtracts' ? -this.#random() : this.#random()),
      leaseTimes: leasesOf(this.#break),
      failpoint:
        (life): Failpoint =>
        (point) =>
          this.#crashAt(life, point),
      targets: (keys) =>
        keys.map(({ endpointId }) => targetOf(endpointId, this.#scenario, this.#secret, this.#time.epochMs)),
      hint: (from, lanes) => this.#hint(from, lanes),
      logged: (life, line) => this.#hear(life, line),
    })
    this.#processes[number] = process
    this.#say(`${process.life.owner} starts`)
    // shards change hands for it, each when its attempts under way have ended: until then nothing of theirs starts
    const { nowMs } = this.#time
    if (lives > 1)
      this.#history.faults.push({
        kind: 'term',
        victim: process.life.owner,
        atMs: nowMs,
        untilMs: nowMs + HAND_OVER_MS,
      })
    process.start().catch(() => this.#restart(number, process.life))
  }

  #restart(number: number, life: Life): void {
    if (this.#processes[number]?.life !== life) return
    life.state = 'dead'
    for (const cut of life.cuts) cut()
    this.#time.after(between(this.#random, ...RESTART_MS), () => this.#start(number))
  }

  #database(which: keyof typeof TIMEOUTS_MS): SimDatabase {
    const real = which === 'accept' ? this.#site.accept : this.#site.worker
    return new SimDatabase(real, TIMEOUTS_MS[which], {
      time: this.#time,
      network: this.#network,
      nowText: () => this.#databaseNow(),
      onExecuted: async ({ text }) => {
        // what changes events and deliveries: judged before anything else happens
        if (text.includes('hold_shards') || text.includes('insert into pending')) this.#isDirty = true
      },
    })
  }

  #databaseNow(): string {
    return new Date(this.#time.epochMs + this.#time.nowMs + this.#databaseOffMs).toISOString()
  }

  /** Hints come late, or twice; during a fault, and for a while after, they may get lost. */
  #hint(from: Life, lanes: readonly LaneHint[]): void {
    if (lanes.length === 0) return
    const mayBeLost = this.#history.faults.some(({ untilMs }) => untilMs + LOST_HINTS_MS > this.#time.nowMs)
    for (const { life } of this.#processes) {
      if (life === from) continue
      for (let times = between(this.#random, mayBeLost ? 0 : 1, 2); times > 0; times -= 1) this.#hintSoon(life, lanes)
    }
  }

  #hintSoon(life: Life, lanes: readonly LaneHint[]): void {
    this.#time.after(
      between(this.#random, 1, 300),
      () => {
        const process = this.#processes.find((other) => other.life === life)
        if (process?.isReady) process.hear(lanes)
      },
      life,
    )
  }

  #inflict(fault: SimFault): void {
    const { kind, forMs } = fault
    const process = this.#processes[fault.victim]
    const done: Fault = {
      kind: KINDS[kind],
      victim: nameOf(fault.victim),
      atMs: this.#time.nowMs,
      untilMs: Number.POSITIVE_INFINITY,
    }
    this.#history.faults.push(done)
    this.#say(`fault ${JSON.stringify(fault)}`)
    const over = () => {
      done.untilMs = this.#time.nowMs
      this.#faultsUnderWay -= 1
      this.#isDirty = true
      this.#say(`over: ${kind} of ${nameOf(fault.victim)}`)
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
        this.#time.after(forMs, over)
        return
      case 'freeze':
        this.#freeze(process.life, forMs, over)
        return
      case 'stop':
        process.stop().then(
          () => this.#kill(fault.victim, 'asked'),
          () => undefined,
        )
        this.#time.after(forMs, over)
        return
      case 'partition':
        this.#network.silence(nameOf(fault.victim), fault.silence)
        break
      case 'slow':
        this.#network.slow(nameOf(fault.victim), fault.slowMs)
        break
      case 'double-wake':
        this.#doubleWake(process)
        over()
        return
      case 'database-clock':
        this.#clocksWereSet = true
        this.#databaseOffMs += fault.stepMs
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
    this.#time.after(forMs, () => {
      this.#network.heal(nameOf(fault.victim))
      over()
    })
  }

  #kill(number: number, how: 'kill' | 'asked' = 'kill'): void {
    const process = this.#processes[number]
    if (!process || process.life.state === 'dead') return
    const { life } = process
    this.#say(`${life.owner} ends (${how})`)
    life.state = 'dead'
    if (how === 'kill') this.#history.losses.push({ owner: life.owner, atMs: this.#time.nowMs, how: 'kill' })
    this.#receivers.dropAllOf(life)
    for (const cut of life.cuts) cut()
    this.#time.after(between(this.#random, ...RESTART_MS), () => this.#start(number))
  }

  #freeze(life: Life, forMs: number, over: () => void): void {
    if (life.state !== 'running') {
      over()
      return
    }
    life.state = 'frozen'
    this.#history.losses.push({ owner: life.owner, atMs: this.#time.nowMs, how: 'stop' })
    this.#time.after(forMs, () => {
      over()
      if (life.state !== 'frozen') return
      life.state = 'running'
      for (const run of life.held.splice(0)) this.#time.after(0, run, life)
    })
  }

  #doubleWake(process: SimProcess): void {
    const lanes = ENDPOINTS.map(({ id, account }, index) => ({
      accountId: ACCOUNTS[account],
      endpointId: id,
      shard: this.#shards[index] ?? 0,
      isChanged: true,
    }))
    for (let times = 0; times < 2; times += 1) this.#hintSoon(process.life, lanes)
  }

  /** @returns what never resolves, when the process dies here */
  #crashAt(life: Life, point: string): Promise<void> | undefined {
    const [name] = life.owner.split('#')
    const index = this.#crashes.findIndex((crash) => nameOf(crash.victim) === name && crash.point === point)
    const crash = this.#crashes[index]
    if (!crash || life.state !== 'running') return undefined
    crash.nth -= 1
    if (crash.nth > 0) return undefined
    this.#crashes.splice(index, 1)
    this.#say(`${life.owner} crashes at ${point}`)
    this.#kill(crash.victim)
    return new Promise(() => undefined)
  }

  #hear(life: Life, { event, reason, records }: LogLine): void {
    this.#say(`${life.owner}: ${event} ${reason}`)
    if (life.state === 'dead') return
    if (event === 'lease.lost') this.#history.losses.push({ owner: life.owner, atMs: this.#time.nowMs, how: 'lease' })
    if (event === 'delivery.stale_refused') this.#history.staleRefused += records
    if (event === 'delivery.attempt_broken') this.#violations.add('R0 an attempt broke')
  }

  /** @param atEnd  what is not delivered by now is stranded */
  async #judge(atEnd: boolean): Promise<Verdict> {
    const stored = await this.#site.stored(this.#databaseNow(), this.#time.epochMs + this.#databaseOffMs)
    const { verdict, violations } = judge(
      {
        publications: [...this.#ledger.publications.values()],
        endpoints: ENDPOINTS.map(({ account }, number) => ({ number, account, types: null })),
        lines: this.#ledger.lines,
        stored,
        faults: this.#history.faults,
        losses: this.#history.losses,
        databaseBackAtMs: [],
        waitsMs: this.#scenario.schedule.map((seconds) => seconds * 1_000),
        concurrencyMax: MAX_CONCURRENCY,
      },
      { atEnd, clocksWereSet: this.#clocksWereSet, unacknowledged: this.#producer.unacknowledged },
    )
    for (const violation of violations) this.#violations.add(violation)
    return verdict
  }

  /** What everybody believes, and what the database says: a failure that does not come back is to explain itself. */
  async #describe(): Promise<void> {
    const beliefs = this.#processes.flatMap((process) => describeProcess(process, this.#shards))
    for (const line of [...beliefs, ...(await this.#site.describe(this.#shards))]) this.#say(line)
  }

  #isOver(verdict: Verdict): boolean {
    return (
      verdict.pending === 0 && this.#producer.unacknowledged === 0 && this.#faultsUnderWay === 0 && !this.#isSending()
    )
  }

  #isSending(): boolean {
    return this.#ledger.lines.some((line) => this.#receivers.isOpen(line))
  }

  #deadlineMs(): number {
    const { events, faults } = this.#scenario
    const last = Math.max(0, ...events.map(({ atMs }) => atMs), ...faults.map(({ atMs, forMs }) => atMs + forMs))
    return last + DRAIN_MS
  }

  /** Lets go of everything, so that the next seed starts on a database at rest. */
  async #end(): Promise<void> {
    for (const { life } of this.#processes) {
      life.state = 'dead'
      for (const cut of life.cuts) cut()
    }
    for (let number = 0; number < this.#scenario.processes; number += 1) this.#network.heal(nameOf(number))
    const until = this.#time.nowMs + SETTLE_MS
    while (this.#time.nowMs < until && (await this.#time.step()));
  }

  #say(text: string): void {
    this.#tell(`${(this.#time.nowMs / 1_000).toFixed(3).padStart(9)} ${text}`)
  }
}

const SETTLE_MS = 10_000

function nameOf(number: number): string {
  return `worker-${number + 1}`
}
