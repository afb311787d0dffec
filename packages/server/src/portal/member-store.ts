import type { Environment } from '#src/accounts/principal.ts'
import type { Clock } from '#src/adapters/clock.ts'
import type { Page } from '#src/adapters/http/pages.ts'
import { type IdSource, isId } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { sql } from '#src/adapters/postgres/sql.ts'
import { DomainError, notFound } from '#src/domain-error.ts'
import { changeLogins } from './cli-login-store.ts'
import { grantOf, type Role } from './role.ts'

export const MEMBER_ID_PREFIX = 'member_'

export type Member = {
  id: string
  person: string
  role: Role
  createdAt: Date
  updatedAt: Date
  lastSignInAt: Date | null
  /** There is a link that this person has not used yet, until then. */
  invitedUntil: Date | null
}

type MemberRow = {
  id: string
  person: string
  role: Role
  created_at: Date
  updated_at: Date
  last_sign_in_at: Date | null
  invited_until: Date | null
}
type Owner = { id: string; environment: Environment }
type Parts = { clock: Clock; ids: IdSource }

function toMember(row: MemberRow): Member {
  return {
    id: row.id,
    person: row.person,
    role: row.role,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    lastSignInAt: row.last_sign_in_at,
    invitedUntil: row.invited_until,
  }
}

/** The members of an account by id: one more than the page shows. */
export async function listMembers(tx: Queryable, accountId: string, page: Page, now: Date): Promise<Member[]> {
  const [above, below] = [page.above ?? MEMBER_ID_PREFIX, page.below ?? 'member`']
  const rows = await tx.query<MemberRow>`
    select m.id, m.person, m.role, m.created_at, m.updated_at, m.last_sign_in_at, invited.until as invited_until
      from member m
      left join lateral (select max(l.expires_at) as until from login_link l
                          where l.account_id = m.account_id and l.person = m.person and l.used_at is null
                            and l.revoked_at is null and l.expires_at > ${now}) as invited on true
     where m.account_id = ${accountId} and m.id > ${above} and m.id < ${below}
     order by m.id ${page.read === 'ascending' ? sql`asc` : sql`desc`} limit ${page.limit + 1}`
  return rows.map(toMember)
}

/** @returns undefined for an id of no member of the account, and for what is no id */
export async function readMember(tx: Queryable, accountId: string, id: string, now: Date): Promise<Member | undefined> {
  if (!isId(id, MEMBER_ID_PREFIX)) return undefined
  const [row] = await tx.query<MemberRow>`
    select m.id, m.person, m.role, m.created_at, m.updated_at, m.last_sign_in_at, invited.until as invited_until
      from member m
      left join lateral (select max(l.expires_at) as until from login_link l
                          where l.account_id = m.account_id and l.person = m.person and l.used_at is null
                            and l.revoked_at is null and l.expires_at > ${now}) as invited on true
     where m.account_id = ${accountId} and m.id = ${id}`
  return row && toMember(row)
}

/** @throws DomainError conflict: the account has a member of this name */
export async function addMember(
  tx: Queryable,
  parts: Parts,
  account: Owner,
  { person, role }: Pick<Member, 'person' | 'role'>,
): Promise<Member> {
  const { ksuid, at } = parts.ids.next()
  const [row] = await tx.query<MemberRow>`
    insert into member (account_id, id, environment, person, role, created_at, updated_at)
    values (${account.id}, ${MEMBER_ID_PREFIX + ksuid}, ${account.environment}, ${person}, ${role}, ${at}, ${at})
    on conflict (account_id, person) do nothing
    returning id, person, role, created_at, updated_at, last_sign_in_at, null::timestamptz as invited_until`
  if (!row) throw new DomainError('conflict', 'There is a member of this name.')
  return toMember(row)
}

/** Somebody is given a role by a link: a member from then on, or a member of that role. @throws DomainError conflict */
export async function joinMember(
  tx: Queryable,
  parts: Parts,
  account: Owner,
  { person, role }: Pick<Member, 'person' | 'role'>,
): Promise<void> {
  await holdMembers(tx, account.id)
  const [known] = await tx.query<{ id: string }>`
    select id from member where account_id = ${account.id} and person = ${person}`
  if (known) await changeRole(tx, account.id, known.id, role, parts.clock.now())
  else await addMember(tx, parts, account, { person, role })
}

/**
 * Gives a member another role; what the member holds (links, sessions, tokens) has it with the same commit.
 * @throws DomainError not_found; conflict: nobody else is admin
 */
export async function changeRole(tx: Queryable, accountId: string, id: string, role: Role, now: Date): Promise<void> {
  await holdMembers(tx, accountId)
  const [before] = await tx.query<{ person: string; role: Role }>`
    select person, role from member where account_id = ${accountId} and id = ${id}`
  if (!before) throw notFound()
  if (before.role === role) return
  if (before.role === 'admin') await refuseLastAdmin(tx, accountId)
  await tx.query`update member set role = ${role}, updated_at = ${now} where account_id = ${accountId} and id = ${id}`
  const { capabilities, scopes } = grantOf(role)
  // in the order of links, sessions, logins, tokens: what is just being made of one of them is there once its row is free
  await tx.query`
    update login_link set role = ${role}, capabilities = ${capabilities}
     where account_id = ${accountId} and person = ${before.person} and used_at is null and revoked_at is null`
  const sessions = await tx.query<{ id: string }>`
    update portal_session set role = ${role}, capabilities = ${capabilities}
     where account_id = ${accountId} and person = ${before.person} and ended_at is null
    returning id`
  await changeLogins(tx, accountId, before.person, role)
  await tx.query`
    update token set capabilities = ${capabilities}, scopes = ${scopes}, role = case when person is not null then ${role} end
     where account_id = ${accountId} and revoked_at is null
       and (portal_session_id = any (${sessions.map((session) => session.id)}::text[]) or person = ${before.person})`
}

/**
 * Takes a member out of the account: links, sessions and tokens end with it.
 * @throws DomainError not_found; conflict: nobody else is admin
 */
export async function removeMember(tx: Queryable, accountId: string, id: string, now: Date): Promise<void> {
  await holdMembers(tx, accountId)
  const [gone] = await tx.query<{ person: string; role: Role }>`
    delete from member where account_id = ${accountId} and id = ${id} returning person, role`
  if (!gone) throw notFound()
  if (gone.role === 'admin') await refuseLastAdmin(tx, accountId, 0)
  await tx.query`
    update login_link set revoked_at = ${now}
     where account_id = ${accountId} and person = ${gone.person} and used_at is null and revoked_at is null`
  const sessions = await tx.query<{ id: string }>`
    update portal_session set ended_at = ${now}
     where account_id = ${accountId} and person = ${gone.person} and ended_at is null
    returning id`
  await changeLogins(tx, accountId, gone.person, null)
  await tx.query`
    update token set revoked_at = ${now}
     where account_id = ${accountId} and revoked_at is null
       and (portal_session_id = any (${sessions.map((session) => session.id)}::text[]) or person = ${gone.person})`
}

/** Changes of an account's members take turns, so that of two admins who remove each other one stays. */
async function holdMembers(tx: Queryable, accountId: string): Promise<void> {
  await tx.query`select id from account where id = ${accountId} for no key update`
}

/** @param leaving  how many of those who are counted are about to be admin no longer */
async function refuseLastAdmin(tx: Queryable, accountId: string, leaving = 1): Promise<void> {
  const [row] = await tx.query<{ admins: number }>`
    select count(*)::int as admins from member where account_id = ${accountId} and role = 'admin'`
  if ((row?.admins ?? 0) - leaving < 1) throw new DomainError('conflict', 'Somebody has to stay admin of the account.')
}
