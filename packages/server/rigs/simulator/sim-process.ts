import { createHash } from 'node:crypto'
import pino from 'pino'
import { addMs, DatabaseClock } from '#src/adapters/clock.ts'
import { IdSource } from '#src/adapters/ids.ts'
import type { Outgoing } from '#src/adapters/outgoing/outgoing.ts'
import type { Failpoint } from '#src/delivery/failpoint.ts'
import type { LaneHint } from '#src/delivery/lanes.ts'
import type { LeaseTimes } from '#src/delivery/ownership.ts'
import { DeliveryWorker } from '#src/delivery/worker.ts'
import type { Target } from '#src/endpoints/target.ts'
import type { NewEvent, PlannedDelivery } from '#src/events/accept.ts'
import { AcceptQueue } from '#src/events/accept-queue.ts'
import type { LogLine } from '../chaos/service-process.ts'
import type { SimDatabase } from './sim-database.ts'
import { ENVIRONMENT, EVENT_TYPE } from './site.ts'
import { Life, running } from './virtual-time.ts'

/** Of `app.ts`. */
const ACCEPT_STATEMENTS_MAX = 3
const ACCEPT_MS_MAX = 1_800
const KEPT_MS = 30 * 86_400_000

export type SimProcessParts = {
  name: string
  /** One more than the life before. */
  number: number
  databases: { accept: SimDatabase; worker: SimDatabase; lease: SimDatabase }
  outgoing: Outgoing
  random: () => number
  leaseTimes: LeaseTimes
  failpoint: (life: Life) => Failpoint
  targets: (keys: readonly { endpointId: string }[]) => Target[]
  /** Told of lanes in which something is pending that others own. */
  hint: (from: Life, lanes: LaneHint[]) => void
  logged: (life: Life, line: LogLine) => void
}

/** One call: its events are accepted together. */
export type Publication = { events: { uid: string; payload: Buffer }[]; accountId: string; key: string }

/** One life of a process: accepting and delivering as `app.ts` puts them together, without HTTP. */
export class SimProcess {
  readonly life: Life
  readonly #parts: SimProcessParts
  readonly #clock = new DatabaseClock()
  readonly #ids: IdSource
  readonly #worker: DeliveryWorker
  readonly #queue: AcceptQueue
  isReady = false

  constructor(parts: SimProcessParts) {
    const { databases, name, number } = parts
    this.#parts = parts
    this.life = new Life(`${name}#${number}`)
    this.#ids = new IdSource(this.#clock)
    const failpoint = parts.failpoint(this.life)
    this.#worker = new DeliveryWorker({
      database: databases.worker,
      leaseDatabase: databases.lease,
      clock: this.#clock,
      databaseClock: this.#clock,
      ids: this.#ids,
      random: parts.random,
      outgoing: parts.outgoing,
      readTargets: async (keys) => await databases.worker.ask(() => parts.targets(keys)),
      policyOf: () => POLICY,
      wakeLanes: (lanes) =>
        parts.hint(
          this.life,
          lanes.map((lane) => ({ ...lane, isChanged: true })),
        ),
      failpoint,
      metrics: { attempted: () => undefined, recorded: () => undefined },
      log: logOf((line) => parts.logged(this.life, line)),
      leaseTimes: parts.leaseTimes,
      bundledFrom: 1,
    })
    this.#queue = new AcceptQueue({
      accept: databases.accept,
      wake: (planned) => this.#wake(planned),
      ownWork: (events) => this.#worker.ownWork(events),
      now: () => this.#clock.now(),
      statementsMax: ACCEPT_STATEMENTS_MAX,
      callMsMax: ACCEPT_MS_MAX,
      isBusy: () => false,
      onCommit: () => undefined,
      failpoint,
    })
  }

  /** Resolves when it can accept and deliver. */
  async start(): Promise<void> {
    await running.run(this.life, async () => {
      const askedAtMs = performance.now()
      const [row] = await this.#parts.databases.lease.query<{ now: Date }>`select clock_timestamp() as now`
      if (row) this.#clock.correct(row.now, askedAtMs, performance.now())
      await this.#worker.start()
      this.isReady = true
    })
  }

  get worker(): Pick<DeliveryWorker, 'ownership' | 'lanes'> {
    return this.#worker
  }

  /** This life's idea of the database's time. */
  get nowMs(): number {
    return this.#clock.now().getTime()
  }

  /** As for SIGTERM. */
  async stop(): Promise<void> {
    await running.run(this.life, async () => {
      this.isReady = false
      await this.#worker.close()
    })
  }

  /** @returns the ids under which the events are acknowledged */
  async accept({ events, accountId, key }: Publication): Promise<string[]> {
    return await running.run(this.life, async () => {
      const hash = createHash('sha256').update(key).digest()
      const answer = await this.#queue.accept({
        events: events.map(({ uid, payload }): NewEvent => {
          const { ksuid, at } = this.#ids.next()
          return {
            accountId,
            environment: ENVIRONMENT,
            id: `msg_${ksuid}`,
            createdAt: at,
            type: EVENT_TYPE,
            payload,
            uid,
            payloadExpiresAt: addMs(at, KEPT_MS),
            cause: 'event',
          }
        }),
        key: { key: hash, requestHash: hash },
        items: events.length > 1 ? events.map((_, item) => item) : null,
      })
      if (answer.kind !== 'accepted' && answer.kind !== 'replayed') throw new Error(`accepting answered ${answer.kind}`)
      const ids = new Map(
        answer.events.map((event) => [event.item, 'eventId' in event ? event.eventId : event.takenBy]),
      )
      return events.map((_, item) => {
        const id = ids.get(item)
        if (id === undefined) throw new Error('accepting left an event out')
        return id
      })
    })
  }

  /** A hint has come. */
  hear(lanes: readonly LaneHint[]): void {
    running.run(this.life, () => this.#worker.hint(lanes))
  }

  #wake(planned: readonly PlannedDelivery[]): void {
    const foreign = this.#worker.take(planned)
    this.#parts.hint(
      this.life,
      foreign.map(({ accountId, endpointId, shard }) => ({ accountId, endpointId, shard, isChanged: false })),
    )
  }
}

const POLICY = { httpAllowed: true, loopbackReceivers: new Set<string>(), refusedRanges: [], ownNames: [] }

function logOf(logged: (line: LogLine) => void): pino.Logger {
  return pino(
    { level: 'warn', base: null, timestamp: false },
    {
      write(text: string) {
        const line: Partial<LogLine> = JSON.parse(text)
        logged({ event: line.event ?? '', reason: line.reason ?? '', records: line.records ?? 0 })
      },
    },
  )
}
