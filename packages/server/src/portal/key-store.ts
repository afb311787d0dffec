import type { ClientSecret } from '#src/accounts/clients.ts'
import { credentialHash, newCredential } from '#src/accounts/credentials.ts'
import type { Capability, Environment, Scope } from '#src/accounts/principal.ts'
import type { Clock } from '#src/adapters/clock.ts'
import type { Page } from '#src/adapters/http/pages.ts'
import { type IdSource, isId } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { sql } from '#src/adapters/postgres/sql.ts'
import { DomainError } from '#src/domain-error.ts'
import { grantOf, type Role } from './role.ts'

const KEY_ID_PREFIX = 'key_'
const CLIENT_ID_PREFIX = 'client_'
/** API keys and OAuth clients of an account that are not revoked. */
const KEYS_MAX = 100

/** What a program of an account signs in with. */
export type AccountKey = {
  id: string
  kind: 'apiKey' | 'client'
  name: string
  role: Role | null
  capabilities: readonly Capability[]
  scopes: readonly Scope[]
  createdAt: Date
  expiresAt: Date | null
  lastUsedAt: Date | null
  revokedAt: Date | null
  secrets: readonly ClientSecret[]
}

type KeyRow = {
  id: string
  name: string
  role: Role | null
  capabilities: Capability[]
  scopes: Scope[]
  created_at: Date
  expires_at: Date | null
  used_at: Date | null
  revoked_at: Date | null
}

export function isAccountKeyId(text: string): boolean {
  return isId(text, KEY_ID_PREFIX) || isId(text, CLIENT_ID_PREFIX)
}

/** API keys and clients of an account by id, revoked ones included: one more than the page shows. */
export async function listAccountKeys(tx: Queryable, accountId: string, page: Page): Promise<AccountKey[]> {
  const rows = await tx.query<KeyRow>`
    select id, name, role, capabilities, scopes, created_at, expires_at, used_at, revoked_at
      from (select id, name, role, capabilities, scopes, created_at, expires_at, used_at, revoked_at
              from token where account_id = ${accountId} and kind = 'app' and id like 'key\\_%'
             union all
            select id, name, null, '{}', scopes, created_at, null, used_at, revoked_at
              from oauth_client where account_id = ${accountId}) as key
     where id > ${page.above ?? ''} and (${page.below}::text is null or id < ${page.below})
     order by id ${page.read === 'ascending' ? sql`asc` : sql`desc`} limit ${page.limit + 1}`
  return await withSecrets(tx, accountId, rows)
}

/** @returns undefined for an id of none of the account's */
export async function readAccountKey(tx: Queryable, accountId: string, id: string): Promise<AccountKey | undefined> {
  const rows = await tx.query<KeyRow>`
    select id, name, role, capabilities, scopes, created_at, expires_at, used_at, revoked_at
      from token where account_id = ${accountId} and kind = 'app' and id = ${id} and id like 'key\\_%'
     union all
    select id, name, null, '{}', scopes, created_at, null, used_at, revoked_at
      from oauth_client where account_id = ${accountId} and id = ${id}`
  const [key] = await withSecrets(tx, accountId, rows)
  return key
}

async function withSecrets(tx: Queryable, accountId: string, rows: readonly KeyRow[]): Promise<AccountKey[]> {
  const secrets = await tx.query<{ id: string; client_id: string; created_at: Date; revoked_at: Date | null }>`
    select id, client_id, created_at, revoked_at from oauth_client_secret
     where account_id = ${accountId} and client_id = any (${rows.map(({ id }) => id)}::text[]) order by id`
  return rows.map((row) => ({
    id: row.id,
    kind: row.id.startsWith(KEY_ID_PREFIX) ? 'apiKey' : 'client',
    name: row.name,
    role: row.role,
    capabilities: row.capabilities,
    scopes: row.scopes,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    lastUsedAt: row.used_at,
    revokedAt: row.revoked_at,
    secrets: secrets
      .filter((secret) => secret.client_id === row.id)
      .map((secret) => ({ id: secret.id, createdAt: secret.created_at, revokedAt: secret.revoked_at })),
  }))
}

/** Holds back whoever else makes a key for the account. @throws DomainError limit_reached */
export async function refuseFurtherKeys(tx: Queryable, accountId: string): Promise<void> {
  await tx.query`select id from account where id = ${accountId} for no key update`
  const [row] = await tx.query<{ keys: number }>`
    select (select count(*) from token where account_id = ${accountId} and kind = 'app' and id like 'key\\_%' and revoked_at is null)
           + (select count(*) from oauth_client where account_id = ${accountId} and revoked_at is null) as keys`
  if ((row?.keys ?? 0) >= KEYS_MAX) {
    throw new DomainError('limit_reached', `An account has at most ${KEYS_MAX} keys and clients. Revoke one first.`)
  }
}

/** Makes an API key of an account; the secret stands nowhere else. */
export async function createAccountKey(
  tx: Queryable,
  parts: { clock: Clock; ids: IdSource },
  account: { id: string; environment: Environment },
  { name, role, expiresAt }: { name: string; role: Role; expiresAt: Date | null },
): Promise<{ id: string; secret: string }> {
  const now = parts.clock.now()
  const id = KEY_ID_PREFIX + parts.ids.next(now).ksuid
  const secret = newCredential('appsk_')
  const { capabilities, scopes } = grantOf(role)
  await tx.query`
    insert into token (hash, kind, id, environment, account_id, name, role, scopes, capabilities, created_at, expires_at)
    values (${credentialHash(secret)}, 'app', ${id}, ${account.environment}, ${account.id}, ${name}, ${role}, ${scopes},
            ${capabilities}, ${now}, ${expiresAt})`
  return { id, secret }
}

/** @returns false when it had been revoked before */
export async function revokeAccountKey(tx: Queryable, accountId: string, id: string, now: Date): Promise<boolean> {
  const rows = await tx.query`
    update token set revoked_at = ${now}
     where account_id = ${accountId} and id = ${id} and kind = 'app' and revoked_at is null
    returning id`
  return rows.length > 0
}
