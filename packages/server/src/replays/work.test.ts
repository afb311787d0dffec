import fc from 'fast-check'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addMs } from '#src/adapters/clock.ts'
import { IdSource } from '#src/adapters/ids.ts'
import type { Database, Queryable, TransactionOptions } from '#src/adapters/postgres/database.ts'
import type { Sql } from '#src/adapters/postgres/sql.ts'
import type { LaneName } from '#src/delivery/lanes.ts'
import { type TaskDatabase, TaskRunner } from '#src/tasks/runner.ts'
import { readTask } from '#src/tasks/store.ts'
import type { Task } from '#src/tasks/task.ts'
import {
  type AttemptRow,
  type EventRow,
  insertAttempts,
  insertEvents,
  plansOf,
  READ_WHOLE,
} from '../../test/attempt-rows.ts'
import { ManualClock } from '../../test/manual-clock.ts'
import { type TestDatabase, testDatabase } from '../../test/postgres.ts'
import {
  NO_FILTER,
  parseReplayParameters,
  REPLAY_KINDS,
  REPLAY_ORDERS,
  type ReplayFilter,
  type ReplayKind,
  type ReplayWish,
  startReplay,
} from './replay.ts'
import { type ScannedRow, scanAttempted, scanFailed, scanMissing, type Verdict } from './store.ts'
import { replayWorks, treat } from './work.ts'

const START = '2026-03-04T20:00:00.000Z'
const log = pino({ level: 'silent' })
let database: TestDatabase
let owner: Database
let worker: Database

beforeAll(async () => {
  database = await testDatabase()
  owner = database.open('migrate')
  worker = database.open('worker', { connectionsMax: 8 })
  await owner.query`select make_partitions('2026-03-04', '2026-03-10')`
  await owner.query`insert into environment (name, id, created_at) values ('production', 'org_1', ${new Date(START)})`
})
afterAll(() => database.close())

/** An account with two endpoints, and what happened with its events. Nothing is sent here. */
class History {
  readonly clock = new ManualClock(START)
  readonly ids = new IdSource(this.clock)
  readonly account = { id: `app_${this.ids.next().ksuid}`, environment: 'production' as const }
  readonly endpointId = `ep_${this.ids.next().ksuid}`
  readonly otherId = `ep_${this.ids.next().ksuid}`
  readonly lanes: LaneName[] = []

  static async begin(): Promise<History> {
    const history = new History()
    const { account, clock } = history
    const now = clock.now()
    await owner.query`
      insert into account (id, environment, name, data_key, population_max, created_at, updated_at)
      values (${account.id}, 'production', 'Test', '', 0, ${now}, ${now})`
    for (const id of [history.endpointId, history.otherId]) {
      await owner.query`
        insert into endpoint (account_id, id, environment, url, event_types, created_at, updated_at)
        values (${account.id}, ${id}, 'production', 'https://northwind.com/hook', '{wanted}', ${now}, ${now})`
    }
    return history
  }

  /** Adds events of the given stories, one a second, and the attempts that they tell of. */
  async add(stories: readonly Story[]): Promise<string[]> {
    const accountId = this.account.id
    const events: EventRow[] = []
    const attempts: Omit<AttemptRow, 'id'>[] = []
    for (const { steps, type, hasPayload } of stories) {
      this.clock.advanceMs(1_000)
      const createdAt = this.clock.now()
      const eventId = `msg_${this.ids.next().ksuid}`
      events.push({ id: eventId, accountId, type, hasPayload, createdAt })
      steps.forEach((step, index) => {
        const { ending, elsewhere } = meaningOf(step)
        const endpointId = elsewhere ? this.otherId : this.endpointId
        attempts.push({ accountId, eventId, endpointId, ending, startedAt: addMs(createdAt, (index + 1) * 37_000) })
      })
    }
    const ids = new IdSource(this.clock)
    const ordered = attempts.toSorted((a, b) => a.startedAt.getTime() - b.startedAt.getTime())
    await insertEvents(owner, events)
    await insertAttempts(
      owner,
      ordered.map((row) => ({ ...row, id: `atmpt_${ids.next(row.startedAt).ksuid}` })),
    )
    const eventIds = events.map(({ id }) => id)
    this.clock.advanceMs(3_600_000)
    return eventIds
  }

  async start(kind: ReplayKind, wish: Partial<ReplayWish> = {}): Promise<Task> {
    const { since = new Date(START), until = null, rate = 1_000, filter = NO_FILTER, order = 'oldest' } = wish
    const retry = kind === REPLAY_KINDS.missing ? 'schedule' : 'none'
    const account = { ...this.account, uid: null, name: '', throttleRate: null, metadata: {} }
    const times = { createdAt: since, updatedAt: since }
    return await owner.transaction({}, (tx) =>
      startReplay(
        tx,
        { ...account, ...times, populationMax: 0, autoSubscribe: true },
        { id: this.endpointId, disabled: false },
        kind,
        { since, until, rate, filter, order, retry },
        { ids: this.ids, now: this.clock.now() },
      ),
    )
  }

  runner(over: TaskDatabase, leaseMs?: number): TaskRunner {
    const wakeLanes = (names: readonly LaneName[]) => void this.lanes.push(...names)
    return new TaskRunner({
      database: over,
      clock: this.clock,
      ids: this.ids,
      works: replayWorks,
      wakeLanes,
      log,
      ...(leaseMs === undefined ? {} : { leaseMs }),
    })
  }

  /** What a worker would do: takes what is due now. */
  async deliver(): Promise<{ eventId: string; dueAt: Date }[]> {
    const rows = await owner.query<{ event_id: string; due_at: Date }>`
      delete from pending where endpoint_id = ${this.endpointId} and due_at <= ${this.clock.now()}
      returning event_id, due_at`
    return rows.map((row) => ({ eventId: row.event_id, dueAt: row.due_at }))
  }

  /** As if the time of every lease had passed. */
  async passLeases(): Promise<void> {
    await owner.query`update task set lease_until = null where account_id = ${this.account.id}`
  }

  async read(task: Task): Promise<Task> {
    const found = await readTask(worker, task.id, '')
    if (!found) throw new Error('the task is gone')
    return found
  }

  /** Runs the task to its end with one runner; what was planned is delivered when it is due. */
  async run(task: Task): Promise<{ task: Task; sent: { eventId: string; dueAt: Date }[] }> {
    const runner = this.runner(worker)
    runner.start()
    const sent: { eventId: string; dueAt: Date }[] = []
    for (;;) {
      await runner.settled()
      this.clock.advanceMs(1_000)
      await runner.settled()
      sent.push(...(await this.deliver()))
      const now = await this.read(task)
      if (now.status === 'running') continue
      this.clock.advanceMs(60_000)
      sent.push(...(await this.deliver()))
      await runner.close()
      return { task: now, sent }
    }
  }
}

type Step = 'failed' | 'delivered' | 'canceled' | 'failed elsewhere' | 'delivered elsewhere'

function meaningOf(step: Step): { ending: AttemptRow['ending']; elsewhere: boolean } {
  if (step === 'failed elsewhere') return { ending: 'failed', elsewhere: true }
  if (step === 'delivered elsewhere') return { ending: 'delivered', elsewhere: true }
  return { ending: step, elsewhere: false }
}
type Story = { steps: Step[]; type: string; hasPayload: boolean }

const story: fc.Arbitrary<Story> = fc.record({
  steps: fc.array(
    fc.constantFrom<Step>('failed', 'failed', 'delivered', 'canceled', 'failed elsewhere', 'delivered elsewhere'),
    {
      maxLength: 4,
    },
  ),
  type: fc.constantFrom('wanted', 'wanted', 'other'),
  hasPayload: fc.boolean(),
})

const anyOrder = fc.constantFrom(...REPLAY_ORDERS)

/** Which of the events a replay is to send, told without any SQL. */
function expected(
  kind: ReplayKind,
  stories: readonly Story[],
  eventIds: readonly string[],
  filter: Partial<ReplayFilter> = {},
) {
  const needs = ({ steps, type }: Story): boolean => {
    const attempted = steps.includes('failed') || steps.includes('delivered')
    if (kind === REPLAY_KINDS.bulk) {
      const latest = steps.findLast((step) => !meaningOf(step).elsewhere)
      const status = latest === 'delivered' ? 0 : latest === 'failed' ? 2 : 4
      const passes = (filter.status ?? status) === status && (filter.eventTypes ?? [type]).includes(type)
      return attempted && passes
    }
    if (kind === REPLAY_KINDS.recover) return steps.includes('failed') && !steps.includes('delivered')
    return type === 'wanted' && !attempted
  }
  const of = (hasPayload: boolean) =>
    eventIds.filter((_, index) => {
      const told = stories[index]
      return told !== undefined && needs(told) && told.hasPayload === hasPayload
    })
  return { sent: of(true), skipped: of(false) }
}

describe('which messages', () => {
  for (const kind of Object.values(REPLAY_KINDS)) {
    test(`42: ${kind} agrees with a full look at every history`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(story, { minLength: 1, maxLength: 60 }), anyOrder, async (stories, order) => {
          const history = await History.begin()
          const eventIds = await history.add(stories)
          const { task, sent } = await history.run(await history.start(kind, { order }))
          const wanted = expected(kind, stories, eventIds)
          expect(sent.map(({ eventId }) => eventId).toSorted()).toEqual(wanted.sent.toSorted())
          expect(task).toMatchObject({
            status: 'finished',
            data: { messagesSent: wanted.sent.length, messagesSkipped: wanted.skipped.length },
          })
        }),
        { numRuns: 25 },
      )
    })

    if (kind === REPLAY_KINDS.bulk) {
      test('42: its filters agree with a full look at every history', async () => {
        const filters = fc.record({
          status: fc.constantFrom(null, 0, 2, 4, 1),
          eventTypes: fc.constantFrom(null, ['wanted'], ['other', 'none']),
        })
        await fc.assert(
          fc.asyncProperty(fc.array(story, { minLength: 1, maxLength: 60 }), filters, async (stories, some) => {
            const history = await History.begin()
            const eventIds = await history.add(stories)
            const filter = { ...NO_FILTER, ...some }
            const { sent } = await history.run(await history.start(kind, { filter }))
            const wanted = expected(kind, stories, eventIds, filter)
            expect(sent.map(({ eventId }) => eventId).toSorted()).toEqual(wanted.sent.toSorted())
          }),
          { numRuns: 25 },
        )
      })
    }

    test(`S12: ${kind} sends the oldest first, or the newest`, async () => {
      const steps: Step[] = kind === REPLAY_KINDS.missing ? [] : ['failed', 'failed']
      for (const order of REPLAY_ORDERS) {
        const history = await History.begin()
        const eventIds = await history.add(
          Array.from({ length: 8 }, () => ({ steps, type: 'wanted', hasPayload: true })),
        )
        // five a second: each has a due time of its own
        const { sent } = await history.run(await history.start(kind, { order, rate: 5 }))
        const inTime = sent.toSorted((a, b) => a.dueAt.getTime() - b.dueAt.getTime()).map(({ eventId }) => eventId)
        expect(inTime).toEqual(order === 'oldest' ? eventIds : eventIds.toReversed())
      }
    })

    test(`42: ${kind} takes the messages created in [since, until) and no others`, async () => {
      const history = await History.begin()
      const steps: Step[] = kind === REPLAY_KINDS.missing ? [] : ['failed', 'failed']
      const eventIds = await history.add(
        Array.from({ length: 10 }, () => ({ steps, type: 'wanted', hasPayload: true })),
      )
      // the events are a second apart, from START + 1 s on
      const since = addMs(new Date(START), 4_000)
      const until = addMs(new Date(START), 8_000)
      const { task, sent } = await history.run(await history.start(kind, { since, until }))
      expect(sent.map(({ eventId }) => eventId)).toEqual(eventIds.slice(3, 7))
      expect(task.data).toMatchObject({ since: since.toISOString(), until: until.toISOString() })
    })
  }

  test('a step stops before the first message that it has no room for', () => {
    const row = (position: string, verdict: Verdict): ScannedRow => ({ position, eventId: `e${position}`, verdict })
    const rows = [row('1', 'wanted'), row('2', 'repeat'), row('3', 'gone'), row('4', 'other'), row('5', 'wanted')]
    expect(treat(rows, 2)).toEqual({ eventIds: ['e1', 'e5'], scanned: 4, skipped: 1, position: '5', isWhole: true })
    expect(treat(rows, 1)).toEqual({ eventIds: ['e1'], scanned: 3, skipped: 1, position: '4', isWhole: false })
    expect(treat([], 1)).toEqual({ eventIds: [], scanned: 0, skipped: 0, position: null, isWhole: true })
  })

  test('the scans read their indexes, and stop at their limit', async () => {
    const history = await History.begin()
    const many = Array.from(
      { length: 400 },
      (_, index): Story => ({
        steps: index % 10 === 0 ? ['failed'] : ['delivered'],
        type: 'wanted',
        hasPayload: true,
      }),
    )
    await history.add(many)
    await owner.query`analyze attempt`
    await owner.query`analyze event`
    const scan = {
      accountId: history.account.id,
      endpointId: history.endpointId,
      after: null,
      startedAt: history.clock.now(),
      now: history.clock.now(),
      limit: 20,
      order: 'oldest' as const,
    }
    const { from, below } = parseReplayParameters((await history.start(REPLAY_KINDS.recover)).parameters)
    const failed = await plansOf(worker, (tx) => scanFailed(tx, { ...scan, from, below }))
    const attempted = await plansOf(worker, (tx) => scanAttempted(tx, { ...scan, from, below }, NO_FILTER))
    const missing = await plansOf(worker, (tx) => scanMissing(tx, { ...scan, from, below }))
    expect(failed).toMatch(/Index.* Scan using attempt_\d+_account_id_endpoint_id_id_idx1? on attempt_/)
    expect(attempted).toMatch(/Index.* Scan using attempt_\d+_account_id_endpoint_id_id_idx on attempt_/)
    expect(missing).toMatch(/Index.* Scan using event_\d+_pkey on event_/)
    expect(`${failed}\n${attempted}\n${missing}`).not.toMatch(READ_WHOLE)
  })
})

describe('pace', () => {
  test('due times keep to the rate', async () => {
    const history = await History.begin()
    await history.add(Array.from({ length: 120 }, () => ({ steps: ['failed'], type: 'wanted', hasPayload: true })))
    const startedAt = history.clock.now()
    const { sent } = await history.run(await history.start(REPLAY_KINDS.recover, { rate: 10 }))
    expect(sent).toHaveLength(120)
    for (let second = 0; second < 13; second += 1) {
      const from = addMs(startedAt, second * 1000)
      const started = sent.filter(({ dueAt }) => dueAt >= from && dueAt < addMs(from, 1_000))
      expect(started.length, `second ${second}`).toBeLessThanOrEqual(12)
    }
    const tookMs = Math.max(...sent.map(({ dueAt }) => dueAt.getTime())) - startedAt.getTime()
    expect(tookMs).toBeGreaterThanOrEqual(11_000)
    expect(tookMs).toBeLessThanOrEqual(14_000)
  })

  test('a replay waits while the endpoint is slower than it, and adds no more', async () => {
    const history = await History.begin()
    await history.add(Array.from({ length: 1_600 }, () => ({ steps: ['failed'], type: 'wanted', hasPayload: true })))
    const task = await history.start(REPLAY_KINDS.recover, { rate: 100 })
    const runner = history.runner(worker)
    runner.start()
    for (let second = 0; second < 20; second += 1) {
      await runner.settled()
      history.clock.advanceMs(1_000)
    }
    await runner.settled()
    const waiting = await history.read(task)
    expect(waiting).toMatchObject({ status: 'running' })
    expect(Number(waiting.data.messagesSent)).toBeLessThan(1_600)
    await history.deliver()
    for (let second = 0; second < 10; second += 1) {
      history.clock.advanceMs(1_000)
      await runner.settled()
    }
    expect(await history.read(task)).toMatchObject({ status: 'finished', data: { messagesSent: 1_600 } })
    await runner.close()
  })
})

/** A process that dies: from its `statements`-th statement on nothing works, and what it had not committed is undone. */
class MortalDatabase implements TaskDatabase {
  #left: number
  readonly #hearsNoCommit: boolean

  constructor(statements: number, hearsNoCommit: boolean) {
    this.#left = statements
    this.#hearsNoCommit = hearsNoCommit
  }

  #live(): void {
    this.#left -= 1
    if (this.#left < 0) throw new Error('dead')
  }

  async query<Row>(strings: TemplateStringsArray, ...values: unknown[]): Promise<Row[]> {
    this.#live()
    return await worker.query<Row>(strings, ...values)
  }

  async run<Row>(statement: Sql): Promise<Row[]> {
    this.#live()
    return await worker.run<Row>(statement)
  }

  async transaction<T>(options: TransactionOptions, work: (tx: Queryable) => Promise<T>): Promise<T> {
    const result = await worker.transaction(options, async (tx) => {
      const mortal: Queryable = {
        query: async (strings, ...values) => {
          this.#live()
          return await tx.query(strings, ...values)
        },
        run: async (statement) => {
          this.#live()
          return await tx.run(statement)
        },
      }
      return await work(mortal)
    })
    if (this.#hearsNoCommit && this.#left <= 1) {
      this.#left = 0
      throw new Error('dead after the commit')
    }
    return result
  }
}

describe('whatever dies', () => {
  test('43: killed ten times at any statement: each message once, the count right at the end, progress seen', async () => {
    const deaths = fc.array(fc.record({ statements: fc.integer({ min: 1, max: 14 }), hearsNoCommit: fc.boolean() }), {
      minLength: 10,
      maxLength: 10,
    })
    await fc.assert(
      fc.asyncProperty(deaths, fc.constantFrom(...Object.values(REPLAY_KINDS)), async (lives, kind) => {
        const history = await History.begin()
        const steps: Step[] = kind === REPLAY_KINDS.missing ? [] : ['failed']
        const eventIds = await history.add(
          Array.from({ length: 1_000 }, () => ({ steps, type: 'wanted', hasPayload: true })),
        )
        const task = await history.start(kind, { rate: 50 })
        const sent: string[] = []
        const progress = new Set<unknown>()
        const live = async (over: TaskDatabase) => {
          const runner = history.runner(over)
          runner.wake()
          await runner.settled()
          sent.push(...(await history.deliver()).map(({ eventId }) => eventId))
          progress.add((await history.read(task)).data.messagesSent)
          history.clock.advanceMs(2_500)
          await runner.settled()
          await runner.close()
          await history.passLeases()
        }
        for (const { statements, hearsNoCommit } of lives) await live(new MortalDatabase(statements, hearsNoCommit))
        while ((await history.read(task)).status === 'running') await live(worker)
        history.clock.advanceMs(60_000)
        sent.push(...(await history.deliver()).map(({ eventId }) => eventId))
        expect(sent.toSorted()).toEqual(eventIds.toSorted())
        expect(await history.read(task)).toMatchObject({ status: 'finished', data: { messagesSent: 1_000 } })
        expect(progress.size).toBeGreaterThan(2)
      }),
      { numRuns: 4 },
    )
  })

  test('43: runners that all believe to hold the task treat each message once', async () => {
    const history = await History.begin()
    const eventIds = await history.add(
      Array.from({ length: 600 }, () => ({ steps: ['failed'], type: 'wanted', hasPayload: true })),
    )
    const task = await history.start(REPLAY_KINDS.recover)
    const runners = [1, 2, 3].map(() => history.runner(worker, 0))
    const sent: string[] = []
    while ((await history.read(task)).status === 'running') {
      for (const runner of runners) runner.wake()
      await Promise.all(runners.map((runner) => runner.settled()))
      history.clock.advanceMs(1_000)
      sent.push(...(await history.deliver()).map(({ eventId }) => eventId))
    }
    history.clock.advanceMs(60_000)
    sent.push(...(await history.deliver()).map(({ eventId }) => eventId))
    await Promise.all(runners.map((runner) => runner.close()))
    expect(sent.toSorted()).toEqual(eventIds.toSorted())
    expect(new Set(history.lanes.map(({ endpointId }) => endpointId))).toEqual(new Set([history.endpointId]))
  })
})
