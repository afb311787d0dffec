import { randomBytes } from 'node:crypto'
import type { Clock } from '#src/adapters/clock.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import type { FeedDefinition } from '#src/simulator/feed-definition.ts'
import { ControlRefused, SimulatorControl } from '#src/simulator/simulator-control.ts'
import { type SimulatorProcess, startSimulator } from '#src/simulator/simulator-process.ts'
import type { NiprFeed } from './feed/feed.ts'
import { NiprClient } from './feed/nipr-client.ts'
import { feedNow, type Purpose } from './feed-parts.ts'
import type { Feed } from './feed-store.ts'
import { readTargetsSince } from './load-store.ts'
import { readScenarios } from './run-store.ts'

export type SimulatorParts = {
  database: Queryable
  clock: Clock
  /** The service's clock stands still, and so do the simulator's: in tests. */
  stopped: boolean
  /** What the simulator is told of a feed beside its scenarios. */
  define: (feed: Feed) => Omit<FeedDefinition, 'password' | 'scenarios'>
  start?: typeof startSimulator
  /** Feeds that the simulator knows at once; the one told of longest ago makes room. Standard: 500. */
  feedsMax?: number
}

/** A feed as this process's simulator has been told of it. */
type Told = { client: NiprClient; definition: string; clockAheadMs: number | null; targetsUntil: Date }
type Running = { process: SimulatorProcess; control: SimulatorControl; told: Map<string, Told> }

const CONFLICT = 409
const TARGETS_PER_CALL = 1_000
/** Targets that another process has added may become visible later than their time says. */
const TARGETS_OVERLAP_MS = 60_000
const FEEDS_MAX = 500
const EMAIL = 'nobody@example.com'

/**
 * The simulator of this process, started when a feed first needs it. It keeps nothing: whatever it must know of a feed is told to
 * it again when it has been restarted, or when another process has changed it.
 */
export class Simulators {
  readonly #parts: SimulatorParts
  readonly #password = randomBytes(24).toString('base64url')
  #running: Promise<Running> | undefined
  /** The last of what is being told of a feed: one thing at a time. */
  readonly #turns = new Map<string, Promise<unknown>>()
  #closed = false

  constructor(parts: SimulatorParts) {
    this.#parts = parts
  }

  /** The feed, with its clock and scenarios as they are now; for a run, which asks for alerts, with its targets too. */
  async connect(feed: Feed, purpose: Purpose): Promise<NiprFeed> {
    return await this.#inTurn(feed.id, () => this.#tell(feed, purpose))
  }

  async close(): Promise<void> {
    this.#closed = true
    const running = await this.#running?.catch(() => undefined)
    if (!running) return
    await Promise.all([...running.told.values()].map(({ client }) => client.close()))
    await running.control.close()
    await running.process.stop()
  }

  async #inTurn<T>(feedId: string, tell: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(feedId)
    const turn = (before?.catch(() => undefined) ?? Promise.resolve()).then(tell)
    this.#turns.set(feedId, turn)
    try {
      return await turn
    } finally {
      if (this.#turns.get(feedId) === turn) this.#turns.delete(feedId)
    }
  }

  async #tell(feed: Feed, purpose: Purpose): Promise<NiprFeed> {
    const running = await this.#start()
    const { control, process } = running
    const told = running.told.get(feed.id) ?? this.#newTold(feed, process.url)
    const scenarios = Object.fromEntries(await readScenarios(this.#parts.database, feed.id))
    const definition = { ...this.#parts.define(feed), password: this.#password, scenarios }
    const text = JSON.stringify(definition)
    if (told.definition !== text) await control.defineFeed(feed.id, definition)
    told.definition = text
    if (this.#parts.stopped || told.clockAheadMs !== feed.clockAheadMs) await this.#setClock(control, feed)
    told.clockAheadMs = feed.clockAheadMs
    if (purpose === 'run') await this.#tellTargets(feed, told)
    running.told.delete(feed.id)
    running.told.set(feed.id, told) // the latest last
    this.#forgetSurplus(running)
    return told.client
  }

  #newTold(feed: Feed, url: string): Told {
    const settings = {
      alertsUrl: new URL(url),
      detailsUrl: new URL(url),
      user: feed.id,
      password: this.#password,
      subscriptionPrefix: feed.id,
      email: EMAIL,
      removeOperation: 'removeTargets',
    }
    const client = new NiprClient(settings, this.#parts.clock)
    return { client, definition: '', clockAheadMs: null, targetsUntil: new Date(0) }
  }

  async #setClock(control: SimulatorControl, feed: Feed): Promise<void> {
    try {
      await control.setClock(feed.id, feedNow(this.#parts, feed), this.#parts.stopped)
    } catch (error) {
      // ahead of ours by a moment: they run apart
      if (!(error instanceof ControlRefused && error.status === CONFLICT)) throw error
    }
  }

  async #tellTargets(feed: Feed, told: Told): Promise<void> {
    const { database, clock } = this.#parts
    const since = told.targetsUntil
    const until = clock.now()
    for (let after = '0'; ; ) {
      const npns = await readTargetsSince(database, feed.id, since, after, TARGETS_PER_CALL)
      const last = npns.at(-1)
      if (last === undefined) break
      const answer = await told.client.changeTargets('add', npns, AbortSignal.timeout(60_000))
      if (answer.kind === 'failed') throw new Error(`the simulator does not take targets: ${answer.cause}`)
      after = last
    }
    told.targetsUntil = new Date(Math.max(0, until.getTime() - TARGETS_OVERLAP_MS))
  }

  /** Those told of longest ago. Waits for none of them, so that no two turns can wait for each other. */
  #forgetSurplus(running: Running): void {
    const surplus = running.told.size - (this.#parts.feedsMax ?? FEEDS_MAX)
    if (surplus <= 0) return
    const idle = [...running.told.keys()].filter((feedId) => !this.#turns.has(feedId))
    for (const feedId of idle.slice(0, surplus)) {
      // a simulator that has ended keeps nothing either
      this.#inTurn(feedId, () => forget(running, feedId)).catch(() => undefined)
    }
  }

  async #start(): Promise<Running> {
    if (this.#closed) throw new Error('the simulator has been closed')
    this.#running ??= (this.#parts.start ?? startSimulator)().then((process) => {
      const control = new SimulatorControl(process.url, process.controlToken)
      void process.exited.then(() => {
        this.#running = undefined // the next feed that needs it starts another
      })
      return { process, control, told: new Map() }
    })
    try {
      return await this.#running
    } catch (error) {
      this.#running = undefined
      throw error
    }
  }
}

/** The process frees what it holds of a feed, and so does its simulator: its targets above all. */
async function forget({ told, control }: Running, feedId: string): Promise<void> {
  const client = told.get(feedId)?.client
  told.delete(feedId)
  await Promise.all([client?.close(), control.removeFeed(feedId)])
}
