import { environments, readSettings } from '#src/accounts/environments.ts'
import type { Environment } from '#src/accounts/principal.ts'
import { addMs } from '#src/adapters/clock.ts'
import { ksuidFloor } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { purgeTallies } from '#src/tally/tally-store.ts'

const DAY_MS = 86_400_000
/** A payload is kept no longer than this, however long its message is. */
const PAYLOAD_DAYS_MAX = 90
/** How far beyond that payloads are looked for that have not gone yet. */
const PAYLOAD_DAYS_LATE_MAX = 30
const ACCOUNTS_PER_STATEMENT = 200
const ROWS_PER_STATEMENT = 5_000
const STATEMENTS_PER_SWEEP = 100

/** How long environments keep what they have accepted. `longest`: how long partitions live. */
export type Kept = { days: ReadonlyMap<Environment, number>; longest: number }

export async function readKept(db: Queryable): Promise<Kept> {
  const days = new Map<Environment, number>()
  for (const environment of environments) {
    days.set(environment, (await readSettings(db, environment)).messageRetentionDays)
  }
  return { days, longest: Math.max(...days.values()) }
}

/**
 * Removes what an environment keeps for a shorter time than partitions live, in small batches: account by account, as rows are
 * found by their account alone. A sweep goes on where the one before ended. Any number of processes may do it at once.
 */
export class Retention {
  readonly #database: Queryable
  readonly #swept = new Map<Environment, string>()

  /** @param database  role `worker` */
  constructor(database: Queryable) {
    this.#database = database
  }

  /** @returns whether it has come to the end: else there is more to do */
  async sweep({ days, longest }: Kept, now: Date): Promise<boolean> {
    let isDone = true
    for (const [environment, kept] of days) {
      const before = addMs(now, -kept * DAY_MS)
      await forgetTasks(this.#database, environment, before)
      const work = async (accountIds: readonly string[]) => {
        const gone = kept < longest ? await forget(this.#database, accountIds, before) : 0
        const erased = kept > PAYLOAD_DAYS_MAX ? await erasePayloads(this.#database, accountIds, now) : 0
        return Math.max(gone, erased)
      }
      if (kept < longest || kept > PAYLOAD_DAYS_MAX) isDone = (await this.#each(environment, work)) && isDone
    }
    return isDone
  }

  /** @param work  of some accounts; returns how many rows there were: so many that there may be more, and it is asked again */
  async #each(environment: Environment, work: (accountIds: readonly string[]) => Promise<number>): Promise<boolean> {
    for (let statements = 0; statements < STATEMENTS_PER_SWEEP; statements += 1) {
      const rows = await this.#database.query<{ id: string }>`
        select id from account
         where environment = ${environment} and id > ${this.#swept.get(environment) ?? ''}
         order by id limit ${ACCOUNTS_PER_STATEMENT}`
      const accountIds = rows.map(({ id }) => id)
      if ((await work(accountIds)) >= ROWS_PER_STATEMENT) continue
      const isLast = rows.length < ACCOUNTS_PER_STATEMENT
      this.#swept.set(environment, isLast ? '' : (accountIds.at(-1) ?? ''))
      if (isLast) return true
    }
    return false
  }
}

/** Removes events and attempts made before a moment, and what was counted of them. @returns how many of the kind of which there were more */
async function forget(db: Queryable, accountIds: readonly string[], before: Date): Promise<number> {
  const [events] = await db.query<{ gone: number }>`
    with old as (
      select e.account_id, e.id, e.uid
        from unnest(${accountIds}::text[]) as a (id)
       cross join lateral (select account_id, id, uid from event
                            where account_id = a.id and id < ${`msg_${ksuidFloor(before)}`}
                            order by id limit ${ROWS_PER_STATEMENT}) as e
       limit ${ROWS_PER_STATEMENT}
    ), gone as (
      delete from event e using old where e.account_id = old.account_id and e.id = old.id
      returning e.account_id, e.id, e.uid
    ), uids as (
      delete from event_uid u using gone
       where gone.uid is not null and u.account_id = gone.account_id and u.uid = gone.uid and u.event_id = gone.id
    )
    select count(*) as gone from gone`
  const [attempts] = await db.query<{ gone: number }>`
    with old as (
      select o.account_id, o.event_id, o.id
        from unnest(${accountIds}::text[]) as a (id)
        join endpoint t on t.account_id = a.id
       cross join lateral (select account_id, event_id, id from attempt
                            where account_id = t.account_id and endpoint_id = t.id and id < ${`atmpt_${ksuidFloor(before)}`}
                            order by id limit ${ROWS_PER_STATEMENT}) as o
       limit ${ROWS_PER_STATEMENT}
    ), gone as (
      delete from attempt x using old
       where x.account_id = old.account_id and x.event_id = old.event_id and x.id = old.id
      returning 1
    )
    select count(*) as gone from gone`
  const tallies = await purgeTallies(db, accountIds, before, ROWS_PER_STATEMENT)
  return Math.max(events?.gone ?? 0, attempts?.gone ?? 0, tallies)
}

/** Payloads whose time is over; while a delivery of the message is planned, it stays. */
async function erasePayloads(db: Queryable, accountIds: readonly string[], now: Date): Promise<number> {
  const from = addMs(now, -(PAYLOAD_DAYS_MAX + PAYLOAD_DAYS_LATE_MAX) * DAY_MS)
  const until = addMs(now, -(PAYLOAD_DAYS_MAX - 1) * DAY_MS)
  const rows = await db.query`
    update event e set payload = null, npn = null
      from (select o.account_id, o.id
              from unnest(${accountIds}::text[]) as a (id)
             cross join lateral (
               select x.account_id, x.id from event x
                where x.account_id = a.id and x.id >= ${`msg_${ksuidFloor(from)}`} and x.id < ${`msg_${ksuidFloor(until)}`}
                  and x.payload is not null and x.payload_expires_at < ${now}
                  and not exists (select from pending p where p.account_id = x.account_id and p.event_id = x.id)
                order by x.id limit ${ROWS_PER_STATEMENT}) as o
             limit ${ROWS_PER_STATEMENT}) as expired
     where e.account_id = expired.account_id and e.id = expired.id
    returning 1`
  return rows.length
}

async function forgetTasks(db: Queryable, environment: Environment, before: Date): Promise<void> {
  await db.query`
    delete from task
     where id = any (array(select id from task
                            where environment = ${environment} and id < ${`qtask_${ksuidFloor(before)}`} and status <> 'running'
                            order by id limit ${ROWS_PER_STATEMENT}))`
}
