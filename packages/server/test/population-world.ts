import { randomBytes } from 'node:crypto'
import type { Environment } from '#src/accounts/principal.ts'
import type { Clock } from '#src/adapters/clock.ts'
import { IdSource } from '#src/adapters/ids.ts'
import type { Database } from '#src/adapters/postgres/database.ts'
import { acceptJob } from '#src/population/accept-job.ts'
import { type ItemResult, type Job, type JobType, parseJobRequest } from '#src/population/job.ts'
import { type JobKey, leaseJobs, readItems, readJob } from '#src/population/job-store.ts'
import { advanceJob, type Lease, type Transactions, type WorkParts } from '#src/population/work.ts'
import { ManualClock } from './manual-clock.ts'
import { type TestDatabase, testDatabase } from './postgres.ts'

export type TestAccount = { environment: Environment; accountId: string }

/** An event as a receiver would get it. */
export type SeenEvent = { id: string; type: string; npn: string; timestamp: string; payload: Buffer; pending: number }

/** A database of its own with accounts, endpoints and jobs; the population is worked on step by step, or by runners. */
export class TestWorld {
  readonly database: TestDatabase
  readonly api: Database
  readonly updates: Database
  readonly owner: Database
  clock: Clock
  readonly ids: IdSource
  #accounts = 0

  private constructor(database: TestDatabase, clock: Clock) {
    this.database = database
    this.api = database.open('api')
    this.updates = database.open('updates', { connectionsMax: 12 })
    this.owner = database.open('migrate', { statementTimeoutMs: 60_000, queryTimeoutMs: 60_000 })
    this.clock = clock
    this.ids = new IdSource(clock)
  }

  static async start(clock: Clock = new ManualClock('2026-03-06T15:02:10.811Z')): Promise<TestWorld> {
    const world = new TestWorld(await testDatabase(), clock)
    const now = clock.now()
    const day = (offset: number) => new Date(now.getTime() + offset * 86_400_000).toISOString().slice(0, 10)
    await world.database.open('worker').query`select make_partitions(${day(-3)}::date, ${day(3)}::date)`
    await world.owner.query`
      insert into environment (name, id, created_at)
      values ('sandbox', 'org_sandbox', ${now}), ('production', 'org_production', ${now}) on conflict do nothing`
    return world
  }

  async close(): Promise<void> {
    await this.database.close()
  }

  async addAccount(
    options: { environment?: Environment; populationMax?: number; endpoints?: number } = {},
  ): Promise<TestAccount> {
    const { environment = 'production', populationMax = 1_000_000, endpoints = 1 } = options
    this.#accounts += 1
    const accountId = `app_${String(this.#accounts).padStart(6, '0')}`
    const now = this.clock.now()
    await this.owner.query`
      insert into account (id, environment, name, data_key, population_max, created_at, updated_at)
      values (${accountId}, ${environment}, 'Test', ${Buffer.alloc(8)}, ${populationMax}, ${now}, ${now})`
    await this.owner.query`
      insert into endpoint (account_id, id, environment, url, created_at, updated_at)
      select ${accountId}, 'ep_' || ${randomBytes(6).toString('hex')} || n, ${environment}, 'https://receiver.example/', ${now}, ${now}
        from generate_series(1, ${endpoints}::int) as n`
    return { environment, accountId }
  }

  async submit(account: TestAccount, type: JobType, npns: unknown, confirmEmpty = false): Promise<string> {
    return await acceptJob(this, account, parseJobRequest(type, npns, confirmEmpty))
  }

  /** The steps of one runner, until no job is left that it may lease. Throws what a step throws. */
  async work(
    database: Transactions = this.updates,
    lease: Lease = { runnerId: crypto.randomUUID(), leaseMs: 60_000 },
    time: { clock: Clock; ids: IdSource } = this,
  ): Promise<void> {
    const parts: WorkParts = { database, clock: time.clock, ids: time.ids }
    for (;;) {
      const keys = await leaseJobs(this.updates, lease.runnerId, lease.leaseMs, 100, this.clock.now())
      if (keys.length === 0) return
      for (const key of keys) await workOn(parts, lease, key)
    }
  }

  /** What a lease does by itself when its runner no longer renews it. */
  async letLeasesPass(): Promise<void> {
    await this.owner
      .query`update population_job set lease_until = now() - interval '1 second' where finished_at is null`
  }

  async job(account: TestAccount, jobId: string): Promise<Job> {
    const job = await readJob(this.owner, account.accountId, jobId, new Date(0))
    if (!job) throw new Error('no such job')
    return job
  }

  async items(account: TestAccount, jobId: string): Promise<ItemResult[]> {
    return await readItems(this.owner, account.accountId, jobId, { offset: 0, limit: 2_000_000 })
  }

  /** Active NPNs in order. */
  async population(account: TestAccount): Promise<string[]> {
    const rows = await this.owner.query<{ npn: string }>`
      select npn::text from population where account_id = ${account.accountId} and active order by population.npn`
    return rows.map((row) => row.npn)
  }

  /** Events of an account in the order of their ids, each with the number of its pending deliveries. */
  async events(account: TestAccount): Promise<SeenEvent[]> {
    const rows = await this.owner.query<{ id: string; type: string; payload: Buffer; pending: number }>`
      select e.id, e.type, e.payload,
             (select count(*) from pending p where p.account_id = e.account_id and p.event_id = e.id) as pending
        from event e where e.account_id = ${account.accountId} order by e.id`
    return rows.map(({ id, type, payload, pending }) => {
      const body = JSON.parse(payload.toString())
      return { id, type, npn: body.data.npn, timestamp: body.timestamp, payload, pending }
    })
  }

  /** The size of the population as it is kept, and as a count gives it. */
  async keptTotals(account: TestAccount): Promise<{ kept: number; counted: number }> {
    const [row] = await this.owner.query<{ kept: number; counted: number }>`
      select (select loading + ready + not_found from population_count where account_id = ${account.accountId}) as kept,
             (select count(*) from population where account_id = ${account.accountId} and active) as counted`
    if (!row) throw new Error('an aggregate has one row')
    return row
  }
}

async function workOn(parts: WorkParts, lease: Lease, key: JobKey): Promise<void> {
  while ((await advanceJob(parts, lease, key)).state === 'unfinished');
}

export function range(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, index) => String(from + index))
}
