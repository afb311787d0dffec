import type { Actor, Environment } from '#src/accounts/principal.ts'
import { addMs } from '#src/adapters/clock.ts'
import type { Page } from '#src/adapters/http/pages.ts'
import { type IdSource, ksuidFloor } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { sql } from '#src/adapters/postgres/sql.ts'
import type { AuditLine, Change, NewAuditLine } from './audit.ts'

export const AUDIT_ID_PREFIX = 'audit_'
/** Source: reliability-security 13. */
const KEPT_MS = 400 * 86_400_000

/** Adds a line, as the last thing that a transaction writes: it waits for other lines of the account. */
export async function addAuditLine(tx: Queryable, parts: { ids: IdSource }, line: NewAuditLine): Promise<void> {
  const { ksuid, at } = parts.ids.next()
  const { actor, target } = line
  await tx.query`
    insert into audit (account_id, id, environment, at, actor_kind, actor_id, actor_name, actor_role, operation, target_kind,
                       target_id, changes, reason, address, request_id)
    values (coalesce(${line.accountId}::text, internal_account(${line.environment})), ${AUDIT_ID_PREFIX + ksuid}, ${line.environment},
            ${at}, ${actor.kind}, ${actor.id}, ${actor.name}, ${actor.role}, ${line.operation}, ${target?.kind ?? null},
            ${target?.id ?? null}, ${JSON.stringify(line.changes)}::jsonb, ${line.reason}, ${line.address}, ${line.requestId})`
}

export type AuditFilter = {
  /** Id or name of who did it. */
  who?: string
  kind?: Actor['kind']
  /** The operation, or the beginning of several: `v1.endpoint`. */
  operation?: string
  /** Id of what it was done to. */
  target?: string
  from?: Date
  to?: Date
}

type AuditRow = {
  id: string
  environment: Environment
  account_id: string | null
  at: Date
  actor_kind: Actor['kind']
  actor_id: string | null
  actor_name: string | null
  actor_role: string | null
  operation: string
  target_kind: string | null
  target_id: string | null
  changes: Change[]
  reason: string | null
  address: string | null
  request_id: string | null
}

/** The lines of an account, or of an environment with all its accounts, by id: one more than the page shows. */
export async function listAudit(
  tx: Queryable,
  of: { environment: Environment; accountId: string | null },
  filter: AuditFilter,
  page: Page,
): Promise<AuditLine[]> {
  const [above, below] = [page.above ?? AUDIT_ID_PREFIX, page.below ?? 'audit`']
  const from = filter.from ? AUDIT_ID_PREFIX + ksuidFloor(filter.from) : AUDIT_ID_PREFIX
  const to = filter.to ? AUDIT_ID_PREFIX + ksuidFloor(filter.to) : 'audit`'
  const rows = await tx.query<AuditRow>`
    select id, environment, nullif(account_id, internal_account(environment)) as account_id, at, actor_kind, actor_id, actor_name,
           actor_role, operation, target_kind, target_id, changes, reason, address, request_id
      from audit
     where environment = ${of.environment} and ${of.accountId === null ? sql`true` : sql`account_id = ${of.accountId}`}
       and id > ${above} and id < ${below} and id >= ${from} and id < ${to}
       and (${filter.who ?? null}::text is null or actor_id = ${filter.who ?? null} or actor_name = ${filter.who ?? null})
       and (${filter.kind ?? null}::text is null or actor_kind = ${filter.kind ?? null})
       and (${filter.operation ?? null}::text is null or operation = ${filter.operation ?? null}
            or starts_with(operation, ${`${filter.operation ?? ''}.`}))
       and (${filter.target ?? null}::text is null or target_id = ${filter.target ?? null})
     order by id ${page.read === 'ascending' ? sql`asc` : sql`desc`} limit ${page.limit + 1}`
  return rows.map(toLine)
}

function toLine(row: AuditRow): AuditLine {
  return {
    id: row.id,
    at: row.at,
    environment: row.environment,
    accountId: row.account_id,
    actor: { kind: row.actor_kind, id: row.actor_id, name: row.actor_name, role: row.actor_role },
    operation: row.operation,
    target: row.target_kind === null || row.target_id === null ? null : { kind: row.target_kind, id: row.target_id },
    changes: row.changes,
    reason: row.reason,
    address: row.address,
    requestId: row.request_id,
  }
}

/** Takes a batch of lines away that have been kept long enough. @param database  role `worker` @returns how many went */
export async function purgeAudit(database: Queryable, now: Date, rowsMax: number): Promise<number> {
  const [row] = await database.query<{ gone: number }>`
    select purge_audit(${addMs(now, -KEPT_MS)}::timestamptz, ${rowsMax}) as gone`
  return row?.gone ?? 0
}

/** Does each line of an account follow from the one before? @returns the number of the first that does not, else null */
export async function verifyAudit(
  tx: Queryable,
  accountId: string,
): Promise<{ lines: number; brokenAt: number | null }> {
  const [row] = await tx.query<{ lines: number; broken_at: number | null }>`
    select lines, broken_at from verify_audit(${accountId})`
  return { lines: row?.lines ?? 0, brokenAt: row?.broken_at ?? null }
}
