import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DatabaseClock } from '#src/adapters/clock.ts'
import { IdSource } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import type { PlannedDelivery } from '#src/events/accept.ts'
import { ManualClock } from '../../test/manual-clock.ts'
import { range, type TestAccount, TestWorld } from '../../test/population-world.ts'
import { HELD_OPEN } from '../../test/postgres.ts'
import { leaseJobs } from './job-store.ts'
import { PopulationRunner } from './runner.ts'
import type { Transactions } from './work.ts'

/** 1 s; not that of a machine with nothing else to do. */
const START_MS_MAX = 10_000
/** 10 s, likewise. */
const TAKEOVER_MS_MAX = 30_000

let world: TestWorld
let runners: PopulationRunner[]
let planned: PlannedDelivery[]
let log: JobLog

beforeEach(async () => {
  world = await TestWorld.start(new DatabaseClock())
  runners = []
  planned = []
  log = new JobLog()
})
afterEach(async () => {
  await Promise.all(runners.map((runner) => runner.close()))
  await world.close()
})

describe('one runner', () => {
  test('rules 13, 41: 50,000 NPNs in one body start within 1 s and are final within 60 s', async () => {
    startRunner()
    const account = await world.addAccount()
    const jobId = await submit(account, 'add', range(1_000_001, 1_050_000))
    await log.ended(jobId)
    const { acceptedAt, startedAt, finishedAt, state, counts } = await world.job(account, jobId)
    expect({ state, added: counts.added }).toEqual({ state: 'succeeded', added: 50_000 })
    expect(Number(startedAt) - Number(acceptedAt)).toBeLessThanOrEqual(START_MS_MAX)
    expect(Number(finishedAt) - Number(acceptedAt)).toBeLessThanOrEqual(60_000)
    expect(new Set(planned.map((delivery) => delivery.eventId)).size).toBe(50_000)
  })

  test('a job that another process has accepted is found without being told', async () => {
    startRunner()
    const account = await world.addAccount()
    const jobId = await world.submit(account, 'add', ['1'])
    await log.ended(jobId)
    const { acceptedAt, startedAt } = await world.job(account, jobId)
    expect(Number(startedAt) - Number(acceptedAt)).toBeLessThanOrEqual(START_MS_MAX)
  })

  test('rule 16: a small job does not wait for the large one of another account', async () => {
    const [large, small] = [await world.addAccount(), await world.addAccount()]
    const largeId = await world.submit(large, 'add', range(1, 20_000))
    startRunner()
    const smallId = await submit(small, 'add', ['1'])
    await Promise.all([log.ended(largeId), log.ended(smallId)])
    expect(log.jobIds).toEqual([smallId, largeId])
  })

  test('rule 16: accounts take turns chunk by chunk', async () => {
    const accounts = await Promise.all(range(1, 6).map(() => world.addAccount()))
    const jobIds = await Promise.all(accounts.map((account) => world.submit(account, 'add', range(1, 2_000))))
    startRunner(new InLine(world.updates))
    await Promise.all(jobIds.map((jobId) => log.ended(jobId)))
    const chunks: string[][] = []
    for (let start = 0; start < planned.length; start += 500)
      chunks.push([...new Set(planned.slice(start, start + 500).map(({ accountId }) => accountId))])
    const turns = [0, 6, 12, 18].map((start) =>
      chunks
        .slice(start, start + 6)
        .flat()
        .sort(),
    )
    expect(turns).toEqual(turns.map(() => accounts.map(({ accountId }) => accountId)))
    expect(chunks).toHaveLength(24)
  })

  test('rule 16: an account that is locked stops no other', async () => {
    const [locked, free] = [await world.addAccount(), await world.addAccount()]
    await world.submit(locked, 'add', ['1'])
    await world.work()
    const next = await world.submit(locked, 'add', ['2'])
    await world.owner.transaction(HELD_OPEN, async (tx) => {
      await tx.query`select from population_count where account_id = ${locked.accountId} for update`
      startRunner()
      for (let round = 0; round < 3; round += 1) await log.ended(await submit(free, 'add', [String(round + 1)]))
      expect(log.jobIds).not.toContain(next)
    })
    await log.ended(next)
  })

  test('a chunk that fails is tried again', async () => {
    let failures = 3
    startRunner({
      run: (statement) => world.updates.run(statement),
      query: (strings, ...values) => world.updates.query(strings, ...values),
      transaction: async (options, work) => {
        failures -= 1
        if (failures >= 0) throw new Error('broken')
        return await world.updates.transaction(options, work)
      },
    })
    const account = await world.addAccount()
    const jobId = await submit(account, 'add', ['1'])
    await log.ended(jobId)
    expect(await world.job(account, jobId)).toMatchObject({ state: 'succeeded' })
    expect(log.warnings).toEqual(['population.chunk_failed', 'population.chunk_failed', 'population.chunk_failed'])
  })

  test('keeps its lease on a job that waits for its next try', async () => {
    const account = await world.addAccount()
    const jobId = await world.submit(account, 'add', ['1'])
    const { clock } = world
    world.clock = new ManualClock(clock.now()) // it stands still: the next try never comes
    startRunner(new Mortal(world.updates, 1, 'transactions'), 2_000)
    await log.warned
    const renewals = new Set<number>()
    while (renewals.size < 6) {
      const [lease] = await world.owner.query<{ until: Date; holds: boolean }>`
        select lease_until as until, lease_until > now() as holds from population_job where id = ${jobId}`
      expect(lease?.holds).toBe(true)
      renewals.add(Number(lease?.until))
    }
    expect(log.warnings).toEqual(['population.chunk_failed'])
  })

  test('deletes jobs after 90 days, unless they are unfinished, and everything of deleted accounts', async () => {
    const [account, deleted] = [await world.addAccount(), await world.addAccount()]
    const [old, young] = [await world.submit(account, 'add', ['1', 'x']), await world.submit(account, 'add', ['2'])]
    await world.submit(deleted, 'add', range(1, 10))
    await world.work()
    const unfinished = await world.submit(account, 'add', ['3'])
    await leaseJobs(world.updates, crypto.randomUUID(), 60_000, 1, world.clock.now())
    await world.owner.query`
      update population_job set accepted_at = accepted_at - interval '90 days' where id = any (${[old, unfinished]}::uuid[])`
    await world.owner.query`update account set deleted_at = now() where id = ${deleted.accountId}`
    startRunner()
    await log.swept
    expect(await idsOf('population_job', 'id')).toEqual([young, unfinished].sort())
    expect(await idsOf('population_job_item', 'job_id')).toEqual([young, unfinished].sort())
    expect(await idsOf('population', 'account_id')).toEqual([account.accountId])
    expect(await idsOf('population_count', 'account_id')).toEqual([account.accountId])
  })
})

describe('several runners', () => {
  test('rule 12: racing for the jobs of many accounts, they change each NPN once', async () => {
    const accounts = await Promise.all(range(1, 12).map(() => world.addAccount()))
    const jobIds: string[] = []
    for (const account of accounts) {
      for (const [from, to] of [
        [1, 700],
        [300, 900],
        [1, 100],
      ] as const) {
        jobIds.push(await world.submit(account, 'add', range(from, to)))
      }
    }
    for (let count = 0; count < 3; count += 1) startRunner()
    await Promise.all(jobIds.map((jobId) => log.ended(jobId)))
    for (const account of accounts) {
      const npns = (await world.events(account)).map((event) => event.npn)
      expect(npns.map(Number).sort((a, b) => a - b)).toEqual(range(1, 900).map(Number))
      expect(await world.keptTotals(account)).toEqual({ kept: 900, counted: 900 })
    }
    expect(log.jobIds).toHaveLength(jobIds.length)
  })

  test('the job of one that dies is taken over within 10 s, and nothing is done twice', async () => {
    const victim = new Mortal(world.updates, 6)
    startRunner(victim)
    const account = await world.addAccount()
    const jobId = await submit(account, 'add', range(1, 5_000))
    await victim.dead
    const diedAt = performance.now()
    startRunner()
    await log.ended(jobId)
    expect(performance.now() - diedAt).toBeLessThan(TAKEOVER_MS_MAX)
    const npns = (await world.events(account)).map((event) => event.npn)
    expect(npns.toSorted((a, b) => Number(a) - Number(b))).toEqual(range(1, 5_000))
    expect(await world.job(account, jobId)).toMatchObject({ state: 'succeeded', counts: { added: 5_000 } })
  })

  test('one that freezes within a transaction is overtaken, and what it wakes up to do has no effect', async () => {
    const frozen = new Freezing(world.updates, 4)
    startRunner(frozen, 400)
    const [account, other] = [await world.addAccount(), await world.addAccount()]
    const jobId = await submit(account, 'add', range(1, 2_000))
    await frozen.isFrozen
    startRunner()
    while (await holdsLease(jobId));
    const otherId = await submit(other, 'add', ['1'])
    await log.ended(otherId)
    const { acceptedAt, startedAt } = await world.job(other, otherId)
    expect(Number(startedAt) - Number(acceptedAt)).toBeLessThanOrEqual(START_MS_MAX)
    await log.ended(jobId)
    frozen.wakeUp()
    await expect(frozen.end).rejects.toThrow()
    expect(await world.events(account)).toHaveLength(2_000)
    expect(await world.keptTotals(account)).toEqual({ kept: 2_000, counted: 2_000 })
  })

  test('one that is closed gives its jobs to the others at once', async () => {
    const first = startRunner()
    const account = await world.addAccount()
    const jobId = await submit(account, 'add', range(1, 20_000))
    await firstChunk()
    await first.close()
    const { counts } = await world.job(account, jobId)
    expect(counts.added).toBeLessThan(20_000)
    const [row] = await world.owner.query`select lease_owner, lease_until from population_job where id = ${jobId}`
    expect(row).toEqual({ lease_owner: null, lease_until: null })
    startRunner()
    await log.ended(jobId)
    expect(await world.population(account)).toHaveLength(20_000)
  })
})

type RunnerDatabase = Queryable & Transactions

let chunkSeen: () => void = () => {}

function startRunner(database: RunnerDatabase = world.updates, leaseMs?: number): PopulationRunner {
  const { clock } = world
  const wake = (deliveries: readonly PlannedDelivery[]) => {
    for (const delivery of deliveries) planned.push(delivery)
    chunkSeen()
  }
  const runner = new PopulationRunner({ database, clock, ids: new IdSource(clock), wake, log, leaseMs })
  runner.start()
  runners.push(runner)
  return runner
}

function firstChunk(): Promise<void> {
  return new Promise((resolve) => {
    chunkSeen = resolve
  })
}

async function submit(account: TestAccount, type: 'add' | 'remove', npns: string[]): Promise<string> {
  const jobId = await world.submit(account, type, npns)
  for (const runner of runners) runner.wake()
  return jobId
}

async function holdsLease(jobId: string): Promise<boolean> {
  const [row] = await world.owner.query<{ holds: boolean }>`
    select lease_until > now() as holds from population_job where id = ${jobId}`
  return row?.holds === true
}

async function idsOf(
  table: 'population_job' | 'population_job_item' | 'population' | 'population_count',
  column: string,
) {
  const rows = await world.owner.run<{ id: string }>({
    text: `select distinct ${column} as id from ${table} order by 1`,
    values: [],
  })
  return rows.map((row) => row.id)
}

/** Hears from the runners which jobs have ended. */
class JobLog {
  readonly jobIds: string[] = []
  readonly warnings: string[] = []
  readonly swept: Promise<void>
  readonly warned: Promise<void>
  #sweptNow: () => void = () => {}
  #warnedNow: () => void = () => {}
  #listeners = new Map<string, () => void>()

  constructor() {
    this.swept = new Promise((resolve) => {
      this.#sweptNow = resolve
    })
    this.warned = new Promise((resolve) => {
      this.#warnedNow = resolve
    })
  }

  info = (about: unknown, event?: string): void => {
    if (event === 'population.swept') this.#sweptNow()
    if (event !== 'population.job_ended') return
    const jobId = typeof about === 'object' && about && 'jobId' in about ? String(about.jobId) : ''
    this.jobIds.push(jobId)
    this.#listeners.get(jobId)?.()
  }

  warn = (_about: unknown, event?: string): void => {
    this.warnings.push(event ?? '')
    this.#warnedNow()
  }

  ended(jobId: string): Promise<void> {
    if (this.jobIds.includes(jobId)) return Promise.resolve()
    return new Promise((resolve) => {
      this.#listeners.set(jobId, resolve)
    })
  }
}

/** A database that does one transaction at a time, in the order in which they are begun, however long each takes. */
class InLine implements RunnerDatabase {
  readonly run: RunnerDatabase['run']
  readonly query: RunnerDatabase['query']
  readonly #database: RunnerDatabase
  #last: Promise<unknown> = Promise.resolve()

  constructor(database: RunnerDatabase) {
    this.#database = database
    this.run = (statement) => database.run(statement)
    this.query = (strings, ...values) => database.query(strings, ...values)
  }

  async transaction<T>(...[options, work]: Parameters<typeof world.updates.transaction<T>>): Promise<T> {
    const done = this.#last.then(() => this.#database.transaction(options, work))
    this.#last = done.catch(() => undefined)
    return await done
  }
}

/** A database whose client dies with its n-th transaction: from then on nothing it asks is answered (or no transaction). */
class Mortal implements RunnerDatabase {
  readonly dead: Promise<void>
  #die: () => void = () => {}
  readonly #database: RunnerDatabase
  readonly #what: 'everything' | 'transactions'
  #left: number

  constructor(database: RunnerDatabase, transaction: number, what: 'everything' | 'transactions' = 'everything') {
    this.#database = database
    this.#what = what
    this.#left = transaction
    this.dead = new Promise((resolve) => {
      this.#die = resolve
    })
  }

  async query<Row>(strings: TemplateStringsArray, ...values: unknown[]): Promise<Row[]> {
    if (this.#left <= 0 && this.#what === 'everything') throw new Error('dead')
    return await this.#database.query<Row>(strings, ...values)
  }

  async run<Row>(statement: Parameters<Queryable['run']>[0]): Promise<Row[]> {
    if (this.#left <= 0 && this.#what === 'everything') throw new Error('dead')
    return await this.#database.run<Row>(statement)
  }

  async transaction<T>(...[options, work]: Parameters<typeof world.updates.transaction<T>>): Promise<T> {
    this.#left -= 1
    if (this.#left > 0) return await this.#database.transaction(options, work)
    this.#die()
    throw new Error('dead')
  }
}

/** A database whose client stops in the middle of a transaction, until it is woken. */
class Freezing implements RunnerDatabase {
  readonly isFrozen: Promise<void>
  #freeze: () => void = () => {}
  wakeUp: () => void = () => {}
  end: Promise<unknown> = Promise.resolve()
  readonly #woken: Promise<void>
  readonly #database: RunnerDatabase
  #left: number

  constructor(database: RunnerDatabase, transactions: number) {
    this.#database = database
    this.#left = transactions
    this.isFrozen = new Promise((resolve) => {
      this.#freeze = resolve
    })
    this.#woken = new Promise((resolve) => {
      this.wakeUp = resolve
    })
  }

  async query<Row>(strings: TemplateStringsArray, ...values: unknown[]): Promise<Row[]> {
    if (this.#left <= 0) throw new Error('frozen')
    return await this.#database.query<Row>(strings, ...values)
  }

  async run<Row>(statement: Parameters<Queryable['run']>[0]): Promise<Row[]> {
    if (this.#left <= 0) throw new Error('frozen')
    return await this.#database.run<Row>(statement)
  }

  async transaction<T>(...[options, work]: Parameters<typeof world.updates.transaction<T>>): Promise<T> {
    this.#left -= 1
    if (this.#left !== 0) return await this.#database.transaction(options, work)
    const end = this.#database.transaction(options, async (tx) => {
      const result = await work(tx)
      this.#freeze()
      await this.#woken
      return result
    })
    this.end = end
    return await end
  }
}
