import type { Environment } from '#src/accounts/principal.ts'
import type { Page } from '#src/adapters/http/pages.ts'
import { ksuidTime } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { sql } from '#src/adapters/postgres/sql.ts'
import type { ACCOUNT_HEALTH } from './answer-schemas.ts'

const WAITING_MAX = 1_000

type AccountHealth = (typeof ACCOUNT_HEALTH)[number]

/** An account as staff look for it. */
export type FoundAccount = {
  id: string
  uid: string | null
  name: string
  createdAt: Date
  health: AccountHealth
  endpoints: { total: number; failing: number; disabled: number }
  lastSignInAt: Date | null
}

type FoundRow = {
  id: string
  uid: string | null
  name: string
  created_at: Date
  health: AccountHealth
  total: number
  failing: number
  disabled: number
  last_sign_in_at: Date | null
}

/**
 * Accounts of an environment by id: one more than the page shows. An endpoint fails from its third failure in a row on.
 * @param wanted  `q`: a part of the name, the beginning of the uid, or the whole id
 */
export async function findAccounts(
  tx: Queryable,
  environment: Environment,
  wanted: { q?: string; health?: AccountHealth },
  page: Page,
): Promise<FoundAccount[]> {
  const { q = null, health = null } = wanted
  const [above, below] = [page.above ?? 'app_', page.below ?? 'app`']
  const rows = await tx.query<FoundRow>`
    select a.id, a.uid, a.name, a.created_at, h.health, e.total, e.failing, e.disabled,
           (select max(s.created_at) from portal_session s where s.account_id = a.id) as last_sign_in_at
      from account a
     cross join lateral (
       select count(*)::int as total, count(*) filter (where disabled)::int as disabled,
              count(*) filter (where not disabled and failures >= 3)::int as failing,
              count(*) filter (where not disabled and failures between 1 and 2 or disabled_reason = 'failures')::int as degraded,
              count(*) filter (where not disabled and proven_at is not null)::int as proven
         from endpoint where account_id = a.id and deleted_at is null) as e
     cross join lateral (
       select case when e.total = 0 then 'none' when e.failing > 0 then 'failing' when e.degraded > 0 then 'degraded'
                   when e.disabled = e.total then 'disabled' when e.proven = 0 then 'unverified' else 'healthy' end as health) as h
     where a.environment = ${environment} and a.deleted_at is null and a.id > ${above} and a.id < ${below}
       and (${q}::text is null or a.id = ${q} or position(lower(${q}) in lower(a.name)) > 0 or starts_with(a.uid, ${q}))
       and (${health}::text is null or h.health = ${health})
     order by a.id ${page.read === 'ascending' ? sql`asc` : sql`desc`} limit ${page.limit + 1}`
  return rows.map((row) => ({
    id: row.id,
    uid: row.uid,
    name: row.name,
    createdAt: row.created_at,
    health: row.health,
    endpoints: { total: row.total, failing: row.failing, disabled: row.disabled },
    lastSignInAt: row.last_sign_in_at,
  }))
}

/** What is to be delivered and was signalled. */
export type AccountWork = { producers: number; waiting: { count: number; capped: boolean }; lastSignalAt: Date | null }

/** @param db  role `updates`, which sees populations @param accountIds  that the caller may see */
export async function readWork(db: Queryable, accountIds: readonly string[]): Promise<Map<string, AccountWork>> {
  const rows = await db.query<{ id: string; producers: number; waiting: number; last_event_id: string | null }>`
    select a.id, coalesce(c.loading + c.ready + c.not_found, 0) as producers, w.waiting, s.last_event_id
      from unnest(${accountIds}::text[]) as a (id)
      left join population_count c on c.account_id = a.id
     cross join lateral (
       select count(*)::int as waiting
         from (select from pending where account_id = a.id limit ${WAITING_MAX + 1}) as p) as w
     cross join lateral (select max(event_id) as last_event_id from nipr_announcement where account_id = a.id) as s`
  return new Map(
    rows.map((row) => [
      row.id,
      {
        producers: row.producers,
        waiting: { count: Math.min(row.waiting, WAITING_MAX), capped: row.waiting > WAITING_MAX },
        lastSignalAt: row.last_event_id === null ? null : ksuidTime(row.last_event_id.slice('msg_'.length)),
      },
    ]),
  )
}
