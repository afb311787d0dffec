import { credentialHash, newCredential } from '#src/accounts/credentials.ts'
import { type Environment, isStaffRole, type StaffRole } from '#src/accounts/principal.ts'
import { actingFor } from '#src/accounts/store.ts'
import { addMs, type Clock } from '#src/adapters/clock.ts'
import type { Page } from '#src/adapters/http/pages.ts'
import type { IdSource } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { type Sql, sql } from '#src/adapters/postgres/sql.ts'
import { DomainError } from '#src/domain-error.ts'
import type { LinkState, NewLink } from './link.ts'
import { joinMember } from './member-store.ts'
import { grantOf, type Role } from './role.ts'

/** Links for one person in an hour. Source: reliability-security 11. */
const LINKS_PER_HOUR_MAX = 10
const HOUR_MS = 3_600_000

/**
 * Makes a login link. One for a person ends that person's earlier unused ones, and one with a role makes the person a member
 * with that role; one for whoever holds it does neither.
 * @returns the key, which is kept nowhere
 * @throws DomainError rate_limited: the person has been given enough of them; conflict: the last admin would become less
 */
export async function createLink(
  tx: Queryable,
  parts: { clock: Clock; ids: IdSource },
  account: { id: string; environment: Environment },
  link: NewLink,
): Promise<{ id: string; key: string }> {
  const now = parts.clock.now()
  const id = `link_${parts.ids.next(now).ksuid}`
  const key = newCredential('lk_')
  const { capabilities, featureFlags, sessionId } = link.rights
  if (link.person !== null) await replaceLinks(tx, account.id, link.person, now)
  if (link.person !== null && link.role !== null && !isStaffRole(link.role)) {
    await joinMember(tx, parts, account, { person: link.person, role: link.role })
  }
  await tx.query`
    insert into login_link (account_id, id, environment, hash, person, role, capabilities, feature_flags, session_id,
                            created_at, expires_at, sessions_end_at)
    values (${account.id}, ${id}, ${account.environment}, ${credentialHash(key)}, ${link.person}, ${link.role},
            ${capabilities}, ${featureFlags}, ${sessionId}, ${now}, ${link.expiresAt}, ${link.sessionsEndAt})`
  return { id, key }
}

/** Makes a link for the operator's staff, who belong to the internal account of their environment. @returns as `createLink` */
export async function createStaffLink(
  tx: Queryable,
  parts: { clock: Clock; ids: IdSource },
  environment: Environment,
  { person, role, expiresAt }: { person: string | null; role: StaffRole; expiresAt: Date },
): Promise<{ id: string; key: string }> {
  const [internal] = await tx.query<{ id: string }>`select internal_account(${environment}) as id`
  if (!internal) throw new Error(`the environment ${environment} has no internal account`)
  const rights = { ...grantOf(role), featureFlags: [], sessionId: null }
  const link = { person, role, rights, expiresAt, sessionsEndAt: null }
  return await actingFor(tx, internal.id, () => createLink(tx, parts, { id: internal.id, environment }, link))
}

/** Ends the links of a person that nobody has used; until the transaction ends, nobody else makes one. */
async function replaceLinks(tx: Queryable, accountId: string, person: string, now: Date): Promise<void> {
  await tx.query`select id from account where id = ${accountId} for no key update`
  const [row] = await tx.query<{ links: number }>`
    select count(*)::int as links from login_link
     where account_id = ${accountId} and person = ${person} and created_at > ${addMs(now, -HOUR_MS)}`
  if (row && row.links >= LINKS_PER_HOUR_MAX) {
    throw new DomainError('rate_limited', 'This person has been given too many links within an hour.')
  }
  await tx.query`
    update login_link set revoked_at = ${now}
     where account_id = ${accountId} and person = ${person} and used_at is null and revoked_at is null`
}

export type Link = {
  id: string
  person: string | null
  role: Role | StaffRole | null
  createdAt: Date
  expiresAt: Date
  usedAt: Date | null
  revokedAt: Date | null
}

type LinkRow = {
  id: string
  person: string | null
  role: Role | StaffRole | null
  created_at: Date
  expires_at: Date
  used_at: Date | null
  revoked_at: Date | null
}

/** The links of an account, newest first, at most 250. */
export async function listLinks(tx: Queryable, accountId: string): Promise<Link[]> {
  const rows = await tx.query<LinkRow>`
    select id, person, role, created_at, expires_at, used_at, revoked_at
      from login_link where account_id = ${accountId} order by id desc limit 250`
  return rows.map(toLink)
}

function toLink(row: LinkRow): Link {
  return {
    id: row.id,
    person: row.person,
    role: row.role,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    usedAt: row.used_at,
    revokedAt: row.revoked_at,
  }
}

/** A link as staff see it: of which account (null: for staff), and what has become of it. */
export type EnvironmentLink = Link & { account: { id: string; name: string } | null; state: LinkState }

type EnvironmentLinkRow = LinkRow & { account_id: string | null; account_name: string | null; state: LinkState }

const environmentLink = sql`
  select l.id, l.person, l.role, l.created_at, l.expires_at, l.used_at, l.revoked_at, a.id as account_id, a.name as account_name,
         s.state
    from login_link l
    left join account a on a.id = l.account_id`

/** What has become of a link, as SQL of its row. */
function stateAt(now: Date): Sql {
  return sql`
   cross join lateral (
     select case when l.revoked_at is not null then 'revoked' when l.used_at is not null then 'used'
                 when l.expires_at <= ${now} then 'expired' else 'unused' end as state) as s`
}

/** The links of an environment by id: one more than the page shows. In a transaction that sees the environment. */
export async function listEnvironmentLinks(
  tx: Queryable,
  wanted: { environment: Environment; accountId: string | null; state: LinkState | null; now: Date },
  page: Page,
): Promise<EnvironmentLink[]> {
  const { environment, accountId, state, now } = wanted
  const rows = await tx.run<EnvironmentLinkRow>(sql`
    ${environmentLink} ${stateAt(now)}
     where l.environment = ${environment} and a.deleted_at is null and l.id > ${page.above ?? 'link_'} and l.id < ${page.below ?? 'link`'}
       and (${accountId}::text is null or l.account_id = ${accountId})
       and (${state}::text is null or s.state = ${state})
     order by l.id ${page.read === 'ascending' ? sql`asc` : sql`desc`} limit ${page.limit + 1}`)
  return rows.map(toEnvironmentLink)
}

export async function findLink(
  tx: Queryable,
  environment: Environment,
  id: string,
  now: Date,
): Promise<EnvironmentLink | undefined> {
  const [row] = await tx.run<EnvironmentLinkRow>(sql`
    ${environmentLink} ${stateAt(now)}
     where l.environment = ${environment} and a.deleted_at is null and l.id = ${id}`)
  return row && toEnvironmentLink(row)
}

function toEnvironmentLink(row: EnvironmentLinkRow): EnvironmentLink {
  const { account_id: id, account_name: name, state } = row
  return { ...toLink(row), state, account: id === null || name === null ? null : { id, name } }
}

/**
 * Ends a link, and the session that was made from it with its tokens.
 * @returns false when the environment has no such link, or it had been revoked before
 */
export async function revokeLink(tx: Queryable, environment: Environment, id: string, now: Date): Promise<boolean> {
  // first the link: a session that is just being made from it is there once its row is free
  const revoked = await tx.query`
    update login_link set revoked_at = ${now}
     where environment = ${environment} and id = ${id} and revoked_at is null
    returning id`
  if (revoked.length === 0) return false
  const ended = await tx.query<{ account_id: string; id: string }>`
    update portal_session set ended_at = ${now}
     where environment = ${environment} and link_id = ${id} and ended_at is null
    returning account_id, id`
  for (const session of ended) {
    await tx.query`
      update token set revoked_at = ${now}
       where account_id = ${session.account_id} and portal_session_id = ${session.id} and revoked_at is null`
  }
  return true
}

/**
 * Lets all that has been given out for an account end at a moment: app tokens, links, and portal sessions. What ends before
 * that stays as it is.
 * @param sessionIds  only what carries one of these session names; null: everything
 */
export async function expireAll(
  tx: Queryable,
  accountId: string,
  sessionIds: readonly string[] | null,
  { at, now }: { at: Date; now: Date },
): Promise<void> {
  // in this order: what is just being made of a link, or of a session, is there once the row it is made of is free
  await tx.query`
    update login_link set expires_at = least(expires_at, ${at}), sessions_end_at = least(sessions_end_at, ${at})
     where account_id = ${accountId} and used_at is null and revoked_at is null and expires_at > ${now}
       and (${sessionIds}::text[] is null or session_id = any (${sessionIds}::text[]))`
  await tx.query`
    update portal_session set ends_at = ${at}, idle_ends_at = least(idle_ends_at, ${at})
     where account_id = ${accountId} and ended_at is null and ends_at > ${at}
       and (${sessionIds}::text[] is null or session_id = any (${sessionIds}::text[]))`
  await tx.query`
    update token set expires_at = ${at}
     where account_id = ${accountId} and kind = 'app' and starts_with(id, 'tok_') and revoked_at is null and expires_at > ${at}
       and (${sessionIds}::text[] is null or session_id = any (${sessionIds}::text[]))`
}
