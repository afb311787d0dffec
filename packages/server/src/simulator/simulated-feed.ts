import { addMs, type Clock } from '#src/adapters/clock.ts'
import type { Npn } from '#src/population/npn.ts'
import { chicagoDay } from '../updates/calendar.ts'
import type { AlertKind } from '../updates/feed/feed.ts'
import type { LocalDate } from '../updates/local-date.ts'
import { dataDay, reportState, type Scenario, scenarioOf } from './business-days.ts'
import { detailXml, unknownXml } from './detail-xml.ts'
import type { DefinedFeed } from './feed-definition.ts'
import { TargetTable } from './target-table.ts'
import { isUnknown, producerAt } from './truth.ts'
import type { Producer } from './world.ts'

const SUBSCRIPTIONS_MAX = 8
const SLOW_MS = 5_000
const FIRST_REPORT_OF_002_MS = 12_000
const FAILURES_OF_003 = 3

/** What is answered, and after how long. */
export type Served<T> = T & { afterMs: number }
export type Subscription = { list: number; kind: AlertKind }

/** One world of made-up data with its clock, its subscriptions and what it remembers of the day. */
export class SimulatedFeed {
  readonly targets = new TargetTable()
  readonly #clock: Clock
  #defined: DefinedFeed
  /** What the clock is ahead of the real one, or where it stands; undefined until it is set. */
  #time: { aheadMs: number } | { stoppedAt: Date } | undefined
  readonly #subscriptions = new Map<string, Subscription>()
  readonly #failedOnce = new Set<string>()
  readonly #failuresOfDay = new Map<Npn, number>()
  #failuresDay: LocalDate | undefined
  readonly #askedOnce = new Set<Npn>()

  constructor(clock: Clock, defined: DefinedFeed) {
    this.#clock = clock
    this.#defined = defined
  }

  get defined(): DefinedFeed {
    return this.#defined
  }

  define(defined: DefinedFeed): void {
    this.#defined = defined
  }

  now(): Date {
    if (this.#time && 'stoppedAt' in this.#time) return this.#time.stoppedAt
    return addMs(this.#clock.now(), this.#time?.aheadMs ?? 0)
  }

  /** To any moment at first, then forward only. @returns false for a moment that has passed */
  setClock(at: Date, stopped: boolean): boolean {
    if (this.#time && at < this.now()) return false
    this.#time = stopped ? { stoppedAt: at } : { aheadMs: at.getTime() - this.#clock.now().getTime() }
    return true
  }

  /** @returns false for a day that has passed */
  setScenario(day: LocalDate, scenario: Scenario): boolean {
    if (day < chicagoDay(this.now())) return false
    this.#defined.days.scenarios.set(day, scenario)
    return true
  }

  /** @returns false when there is one of this name, or there are too many */
  subscribe(name: string, kind: AlertKind): boolean {
    const list = this.#subscriptions.size
    if (this.#subscriptions.has(name) || list === SUBSCRIPTIONS_MAX) return false
    this.#subscriptions.set(name, { list, kind })
    return true
  }

  subscription(name: string): Subscription | undefined {
    return this.#subscriptions.get(name)
  }

  truth(npn: Npn, day: LocalDate): Producer | undefined {
    return producerAt(this.#defined.world, this.#defined.days, npn, day)
  }

  /** What asking for an alert report meets. */
  alertState(name: string, day: LocalDate): Served<{ kind: 'report' | 'no_report' | 'fails' }> {
    const { days } = this.#defined
    const scenario = scenarioOf(days, day)
    const state = reportState(days, day, this.now())
    const afterMs = scenario === 'slow' && state === 'report' ? SLOW_MS : 0
    if (scenario !== 'fails_once' || state !== 'report') return { kind: state, afterMs }
    const report = `${name} ${day}`
    const isFirst = !this.#failedOnce.has(report)
    this.#failedOnce.add(report)
    return { kind: isFirst ? 'fails' : 'report', afterMs }
  }

  detail(npn: Npn): Served<{ kind: 'report'; xml: Buffer; isLatin: boolean } | { kind: 'fails' }> {
    const { world, days, failing } = this.#defined
    const day = dataDay(days, this.now())
    const afterMs = scenarioOf(days, day) === 'slow' ? SLOW_MS : this.#firstReportMs(npn)
    if (npn.endsWith('004') || failing.has(npn)) return { kind: 'fails', afterMs }
    if (npn.endsWith('003') && this.#failed(npn) < FAILURES_OF_003) return { kind: 'fails', afterMs }
    const producer = isUnknown(npn) ? undefined : producerAt(world, days, npn, day)
    return { kind: 'report', ...(producer ? detailXml(world, producer, day) : unknownXml()), afterMs }
  }

  #firstReportMs(npn: Npn): number {
    if (!npn.endsWith('002') || this.#askedOnce.has(npn)) return 0
    this.#askedOnce.add(npn)
    return FIRST_REPORT_OF_002_MS
  }

  /** How often this has failed today; one more from now on. */
  #failed(npn: Npn): number {
    const today = chicagoDay(this.now())
    if (this.#failuresDay !== today) this.#failuresOfDay.clear()
    this.#failuresDay = today
    const failures = this.#failuresOfDay.get(npn) ?? 0
    this.#failuresOfDay.set(npn, failures + 1)
    return failures
  }
}
