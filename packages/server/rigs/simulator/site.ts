import type { Client } from 'pg'
import { Database } from '#src/adapters/postgres/database.ts'
import { migrate } from '#src/adapters/postgres/migrate.ts'
import type { RigDatabase } from '../chaos/database.ts'
import { readStored, type Stored } from '../chaos/stored.ts'

export const ACCOUNTS = ['app_simulation1', 'app_simulation2'] as const
export const ENDPOINTS = [
  { id: 'ep_simulation1', account: 0 },
  { id: 'ep_simulation2', account: 0 },
  { id: 'ep_simulation3', account: 1 },
  { id: 'ep_simulation4', account: 1 },
] as const
export const ENVIRONMENT = 'production'
export const EVENT_TYPE = 'simulation.happened'

const CONNECTIONS = 24
/** Statements end by what the simulation does to them, not by real time. */
const MS_MAX = 60_000

/** Calls of `clock_timestamp()` find the simulated time first: a session's, which goes before each of its statements. */
const CLOCK = `
  create schema sim;
  grant usage on schema sim to public;
  create function sim.clock_timestamp() returns timestamptz language sql volatile as
    $$ select coalesce(current_setting('sim.now', true)::timestamptz, pg_catalog.clock_timestamp()) $$;`

/** Everything that a seed leaves behind. */
const CLEAR = `
  delete from pending; delete from pending_bundle; delete from attempt; delete from event; delete from event_uid; delete from idempotency; delete from worker;
  update endpoint set failing_since = null, failures = 0, last_attempt_at = null where failing_since is not null;
  update endpoint set disabled = false, disabled_reason = null, disabled_at = null, canceled_before = null, version = 1 where version > 1;
  truncate shard; insert into shard (number) select generate_series(0, 255)` // in that order again, whatever was before

/** The real database of a simulation, with the accounts and endpoints that all seeds share. */
export class Site {
  readonly #superuser: Client
  /** Of the API that changes endpoints: it may have to wait for a row. */
  readonly #api: Client
  readonly accept: Database
  readonly worker: Database

  private constructor(superuser: Client, api: Client, accept: Database, worker: Database) {
    this.#superuser = superuser
    this.#api = api
    this.accept = accept
    this.worker = worker
  }

  static async open(database: RigDatabase): Promise<Site> {
    const { connection } = database
    await migrate(connection)
    await database.asSuperuser(async (client) => {
      await client.query(CLOCK)
      await client.query(
        `alter database ${client.escapeIdentifier(connection.database)} set search_path = sim, pg_catalog, public`,
      )
      await client.query(`select make_partitions((current_date - 1)::date, (current_date + 2)::date)`)
      await client.query(`insert into environment (name, id, created_at) values ($1, 'env_simulation', now())`, [
        ENVIRONMENT,
      ])
      for (const id of ACCOUNTS)
        await client.query(
          `insert into account (id, environment, name, data_key, population_max, created_at, updated_at)
           values ($1, $2, 'Simulation', '', 0, now(), now())`,
          [id, ENVIRONMENT],
        )
      for (const { id, account } of ENDPOINTS)
        await client.query(
          `insert into endpoint (account_id, id, environment, url, proven_at, created_at, updated_at)
           values ($1, $2, $3, 'http://127.0.0.1/', now(), now(), now())`,
          [ACCOUNTS[account], id, ENVIRONMENT],
        )
    })
    const open = (role: 'accept' | 'worker') =>
      new Database(connection, {
        role,
        applicationName: 'simulator',
        connectionsMax: CONNECTIONS,
        statementTimeoutMs: MS_MAX,
        queryTimeoutMs: MS_MAX,
        waitMsMax: MS_MAX,
      })
    return new Site(await database.openAsSuperuser(), await database.openAsSuperuser(), open('accept'), open('worker'))
  }

  async shardsOf(endpointIds: readonly string[]): Promise<number[]> {
    const { rows } = await this.#superuser.query<{ shard: number }>(
      'select shard from endpoint join unnest($1::text[]) with ordinality as w (id, place) using (id) order by place',
      [endpointIds],
    )
    return rows.map(({ shard }) => shard)
  }

  async clear(): Promise<void> {
    await this.#superuser.query(CLEAR)
  }

  /** Disables or enables an endpoint, as far as what is planned for it is concerned. */
  async turn(endpointId: string, disabled: boolean, nowText: string): Promise<void> {
    await this.#api.query(
      `update endpoint
          set disabled = $2, disabled_reason = case when $2 then 'manual' end, disabled_at = case when $2 then $3::timestamptz end,
              canceled_before = case when $2 then $3::timestamptz else canceled_before end, version = version + 1
        where id = $1`,
      [endpointId, disabled, nowText],
    )
  }

  /** `isFenced` false: a bug, by which whoever asks holds every shard. */
  async unfence(): Promise<void> {
    await this.#superuser.query(
      `create or replace function hold_shards(worker_id uuid, wanted smallint[], epochs bigint[]) returns smallint[]
         language sql volatile as 'select wanted'`,
    )
  }

  async stored(nowText: string, originMs: number): Promise<Stored> {
    await this.#superuser.query(`select set_config('sim.now', $1, false)`, [nowText])
    return await readStored(
      this.#superuser,
      {
        accounts: new Map(ACCOUNTS.map((id, number) => [id, number])),
        endpoints: new Map(ENDPOINTS.map(({ id }, number) => [id, number])),
      },
      originMs,
    )
  }

  /** What the database says of these shards, and of the deliveries that wait there. */
  async describe(shards: readonly number[]): Promise<string[]> {
    const { rows } = await this.#superuser.query<{ line: string }>(
      `select format('shard %s: owner %s, epoch %s, lease until %s', s.number, s.owner, s.epoch, w.lease_until) as line
         from shard s left join worker w on w.id = s.owner where s.number = any ($1::smallint[])
        union all
       select format('pending %s at %s in shard %s, queue %s: attempts %s, due %s', event_id, endpoint_id, shard, queue, attempts_made, due_at)
         from pending
        union all
       select format('worker %s, lease until %s', id, lease_until) from worker`,
      [shards],
    )
    return rows.map(({ line }) => line)
  }

  /** Do so many statements of the simulation wait for a lock? */
  async isStuck(working: number): Promise<boolean> {
    const { rows } = await this.#superuser.query<{ waiting: number }>(
      `select count(*)::int as waiting from pg_stat_activity where application_name = 'simulator' and wait_event_type = 'Lock'`,
    )
    return (rows[0]?.waiting ?? 0) >= working
  }

  async version(): Promise<string> {
    const { rows } = await this.#superuser.query<{ server_version: string }>('show server_version')
    return rows[0]?.server_version ?? ''
  }

  async close(): Promise<void> {
    await Promise.all([this.accept.close(), this.worker.close()])
    await this.#superuser.end()
    await this.#api.end()
  }
}
