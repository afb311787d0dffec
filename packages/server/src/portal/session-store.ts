import { credentialHash, newCredential } from '#src/accounts/credentials.ts'
import { type Capability, type Environment, isStaffRole, type StaffRole } from '#src/accounts/principal.ts'
import { createAppToken } from '#src/accounts/tokens.ts'
import { addMs, type Clock } from '#src/adapters/clock.ts'
import type { IdSource } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { type Sql, sql } from '#src/adapters/postgres/sql.ts'
import { DomainError } from '#src/domain-error.ts'
import { changeLogins } from './cli-login-store.ts'
import { grantOf, type Role } from './role.ts'
import { IDLE_MS, type PortalSession, SESSION_MS_MAX, TOKEN_MS, TOKENS_MAX } from './session.ts'

type Parts = { clock: Clock; ids: IdSource }

type SessionRow = {
  id: string
  environment: Environment
  account_id: string
  person: string | null
  role: Role | StaffRole | null
  capabilities: Capability[]
  feature_flags: string[]
  session_id: string | null
  created_at: Date
  idle_ends_at: Date
  ends_at: Date
}

const columns = sql`id, environment, account_id, person, role, capabilities, feature_flags, session_id,
  created_at, idle_ends_at, ends_at`

function toSession(row: SessionRow): PortalSession {
  return {
    id: row.id,
    environment: row.environment,
    accountId: row.account_id,
    person: row.person,
    role: row.role,
    capabilities: row.capabilities,
    featureFlags: row.feature_flags,
    sessionId: row.session_id,
    createdAt: row.created_at,
    idleEndsAt: row.idle_ends_at,
    endsAt: row.ends_at,
  }
}

function first(rows: SessionRow[]): PortalSession | undefined {
  const [row] = rows
  return row && toSession(row)
}

/**
 * Spends a link for a new session; of any number of calls with one key, one gets it.
 * @param embedded  the session gets no cookie: its tokens alone stand for it
 * @param former    a cookie that came with it: what it holds in other accounts of the environment goes on under the new one
 * @returns also the value of the cookie; undefined for a key of no link, and of a used, expired or revoked one
 */
export async function openSession(
  tx: Queryable,
  { clock, ids }: Parts,
  key: string,
  { embedded, former }: { embedded: boolean; former: string | undefined },
): Promise<{ session: PortalSession; cookie: string | null } | undefined> {
  const now = clock.now()
  const cookie = embedded ? null : newCredential('ps_')
  const session = first(
    await tx.query<SessionRow>`
      select ${columns}
        from open_portal_session(${credentialHash(key)}, ${`session_${ids.next(now).ksuid}`},
                                 ${cookie === null ? null : credentialHash(cookie)}, ${now}::timestamptz,
                                 ${addMs(now, IDLE_MS)}::timestamptz, ${addMs(now, SESSION_MS_MAX)}::timestamptz)`,
  )
  if (session && cookie !== null && former !== undefined) {
    await tx.query`
      select join_portal_sessions(${credentialHash(former)}, ${credentialHash(cookie)}, ${now}::timestamptz)`
  }
  return session && { session, cookie }
}

/** The live sessions of a cookie, each in another account; the one that was opened last comes first. */
export async function sessionsOfCookie(database: Queryable, cookie: string, now: Date): Promise<PortalSession[]> {
  const rows = await database.query<SessionRow>`
    select ${columns}
      from portal_session_by_hash(${credentialHash(cookie)}, ${now}::timestamptz)
     order by created_at desc, id desc`
  return rows.map(toSession)
}

type Named = { accountId: string; id: string }

/** A live session of the account, in a transaction that sees it. */
export async function readSession(tx: Queryable, named: Named, now: Date): Promise<PortalSession | undefined> {
  return await findLive(tx, named, now, sql``)
}

/** As `readSession`; held until the transaction ends, so that whoever ends or changes the session finds what is made of it. */
export async function holdSession(tx: Queryable, named: Named, now: Date): Promise<PortalSession | undefined> {
  return await findLive(tx, named, now, sql`for no key update`)
}

async function findLive(
  tx: Queryable,
  { accountId, id }: Named,
  now: Date,
  lock: Sql,
): Promise<PortalSession | undefined> {
  return first(
    await tx.query<SessionRow>`
      select ${columns}
        from portal_session
       where account_id = ${accountId} and id = ${id} and ended_at is null and idle_ends_at > ${now} ${lock}`,
  )
}

/**
 * A bearer token with the session's rights, which ends with it.
 * @returns undefined when the session has ended meanwhile
 * @throws DomainError rate_limited: it has too many live ones
 */
export async function issueToken(
  tx: Queryable,
  parts: Parts,
  session: PortalSession,
): Promise<{ token: string; expiresAt: Date } | undefined> {
  const now = parts.clock.now()
  const live = await holdSession(tx, session, now)
  if (!live) return undefined
  const [row] = await tx.query<{ tokens: number }>`
    select count(*)::int as tokens from token
     where account_id = ${live.accountId} and portal_session_id = ${live.id} and expires_at > ${now}`
  if (row && row.tokens >= TOKENS_MAX) throw new DomainError('rate_limited', 'The session has too many live tokens.')
  const account = { id: live.accountId, environment: live.environment }
  const scopes = live.role === null ? [] : grantOf(live.role).scopes
  const expiresAt = new Date(Math.min(addMs(now, TOKEN_MS).getTime(), live.idleEndsAt.getTime()))
  const holder = { portalSessionId: live.id, isStaff: isStaffRole(live.role) }
  return { token: await createAppToken(tx, parts, account, { ...live, scopes }, expiresAt, holder), expiresAt }
}

/** The person is there: the session goes on. @returns undefined when it has ended meanwhile */
export async function extendSession(
  tx: Queryable,
  session: PortalSession,
  now: Date,
): Promise<PortalSession | undefined> {
  return first(
    await tx.query<SessionRow>`
      update portal_session set idle_ends_at = least(ends_at, ${addMs(now, IDLE_MS)}::timestamptz)
       where account_id = ${session.accountId} and id = ${session.id} and ended_at is null and idle_ends_at > ${now}
      returning ${columns}`,
  )
}

/**
 * Ends a session with its tokens.
 * @param everywhere  also all others of the same person with what that person has let in, or, where no person is known, of the same
 *   session name
 */
export async function endSession(
  tx: Queryable,
  { accountId, id, person, sessionId }: PortalSession,
  { everywhere, now }: { everywhere: boolean; now: Date },
): Promise<void> {
  const ended = await tx.query<{ id: string }>`
    update portal_session set ended_at = ${now}
     where account_id = ${accountId} and ended_at is null
       and (id = ${id}
            or (${everywhere}::boolean and (person = ${person} or (${person}::text is null and person is null and session_id = ${sessionId}))))
    returning id`
  if (everywhere && person !== null) await changeLogins(tx, accountId, person, null)
  await tx.query`
    update token set revoked_at = ${now}
     where account_id = ${accountId} and revoked_at is null
       and (portal_session_id = any (${ended.map((row) => row.id)}::text[]) or (${everywhere}::boolean and person = ${person}))`
}
