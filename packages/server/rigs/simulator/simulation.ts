import type { Failpoint } from '#src/delivery/failpoint.ts'
import { newSecret } from '#src/endpoints/signing-secret.ts'
import { type Random, randomOf } from '../chaos/chance.ts'
import type { Verdict } from '../chaos/check.ts'
import { History } from '../chaos/history.ts'
import { Ledger } from '../chaos/ledger.ts'
import type { LogLine } from '../chaos/service-process.ts'
import { describeProcess } from './autopsy.ts'
import { leasesOf } from './breaks.ts'
import { Faults } from './faults.ts'
import { Hints } from './hints.ts'
import { judge } from './judge.ts'
import { Network } from './link.ts'
import type { Break } from './options.ts'
import { Producer } from './producer.ts'
import { draw, type Scenario } from './scenario.ts'
import { SimDatabase } from './sim-database.ts'
import { SimProcess } from './sim-process.ts'
import { SimReceivers } from './sim-receivers.ts'
import { ACCOUNTS, ENDPOINTS, type Site } from './site.ts'
import { Switches } from './switches.ts'
import { MAX_CONCURRENCY, targetOf } from './target.ts'
import { type Life, nameOf, realNowMs, type VirtualTime } from './virtual-time.ts'

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
/** One at a time, as many attempts as may be, each to its deadline. */
const DRAIN_FIFO_MS = 160_000
/** A look for shards, and the longest attempt. */
const HAND_OVER_MS = 10_000
const STEPS_MAX = 60_000
const CHECK_EVERY_MS = 500
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
  readonly #violations = new Set<string>()
  readonly #tell: (text: string) => void
  #isDirty = false
  readonly #producer: Producer
  readonly #hints: Hints
  readonly #faults: Faults
  readonly #switches: Switches

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
      void this.#faults.crashAt(life, passing)
    }
    this.#producer = new Producer({
      time: parts.time,
      random: this.#random,
      seed: parts.seed,
      ledger: this.#ledger,
      processes: this.#processes,
      calls: this.#scenario.events.length,
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
    this.#hints = new Hints({
      time: parts.time,
      random: this.#random,
      history: this.#history,
      processes: this.#processes,
    })
    const lanes = ENDPOINTS.map(({ id, account }, index) => ({
      accountId: ACCOUNTS[account],
      endpointId: id,
      shard: parts.shards[index] ?? 0,
      isChanged: true,
    }))
    this.#switches = new Switches({
      time: parts.time,
      site: parts.site,
      lanes,
      nowText: () => this.#databaseNow(),
      hint: (lane) => this.#hints.send(null, [lane]),
      turned: (text) => {
        this.#isDirty = true
        this.#say(text)
      },
    })
    this.#faults = new Faults({
      time: parts.time,
      random: this.#random,
      network: this.#network,
      hints: this.#hints,
      history: this.#history,
      receivers: this.#receivers,
      processes: this.#processes,
      lanes,
      start: (number) => this.#start(number),
      over: () => {
        this.#isDirty = true
      },
      tell: (text) => this.#say(text),
    })
  }

  async run(): Promise<SeedResult> {
    const startedAtMs = realNowMs()
    const { seed, processes, events, faults, switches } = this.#scenario
    this.#time.reset()
    await this.#site.clear()
    for (let number = 0; number < processes; number += 1) this.#start(number)
    for (const event of events) this.#time.after(event.atMs, () => this.#producer.publish(event))
    this.#switches.plan(switches)
    this.#faults.plan(faults)
    let steps = 0
    let verdict: Verdict | undefined
    let checkedAtMs = 0
    while (this.#violations.size === 0 && steps < STEPS_MAX && (await this.#time.step())) {
      steps += 1
      const { nowMs } = this.#time
      if (!this.#isDirty && nowMs - checkedAtMs < CHECK_EVERY_MS) continue
      if (!this.#isDirty && this.#faults.underWay + this.#producer.unacknowledged > 0) continue
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
          this.#faults.crashAt(life, point),
      targets: (keys) =>
        keys.map(({ endpointId }) =>
          targetOf(endpointId, this.#switches.stateOf(endpointId), this.#scenario, this.#secret, this.#time.epochMs),
        ),
      hint: (from, lanes) => this.#hints.send(from, lanes),
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
    process.start().catch(() => this.#faults.restart(number, process.life))
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
    return new Date(this.#time.epochMs + this.#time.nowMs + this.#faults.databaseOffMs).toISOString()
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
    const stored = await this.#site.stored(this.#databaseNow(), this.#time.epochMs + this.#faults.databaseOffMs)
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
      {
        atEnd,
        clocksWereSet: this.#faults.clocksWereSet,
        unacknowledged: this.#producer.unacknowledged,
        turned: this.#switches.turned,
        clocksApartMs: clocksApartMs(this.#scenario),
        fifo: this.#scenario.fifo,
      },
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
      verdict.pending === 0 &&
      this.#producer.unacknowledged === 0 &&
      this.#faults.underWay === 0 &&
      this.#switches.underWay === 0 &&
      !this.#isSending()
    )
  }

  #isSending(): boolean {
    return this.#ledger.lines.some((line) => this.#receivers.isOpen(line))
  }

  #deadlineMs(): number {
    const { events, faults } = this.#scenario
    const last = Math.max(0, ...events.map(({ atMs }) => atMs), ...faults.map(({ atMs, forMs }) => atMs + forMs))
    return last + (this.#scenario.fifo === null ? DRAIN_MS : DRAIN_FIFO_MS)
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

/** A process reads the database's clock over a round trip. */
function clocksApartMs({ faults }: Scenario): number {
  return 20 + Math.max(0, ...faults.map((fault) => (fault.kind === 'slow' ? fault.slowMs : 0)))
}
