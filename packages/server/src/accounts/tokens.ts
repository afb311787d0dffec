import { addMs, type Clock } from '#src/adapters/clock.ts'
import type { IdSource } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { credentialHash, newCredential } from './credentials.ts'
import type { Capability, Environment, Scope } from './principal.ts'

/** How long an OAuth2 access token lives. Source: producersync-api 2. */
export const ACCESS_TOKEN_SECONDS = 3_600

export type TokenRow = {
  id: string
  kind: 'environment_key' | 'app' | 'access' | 'staff'
  environment: Environment
  account_id: string | null
  client_id: string | null
  scopes: Scope[]
  capabilities: Capability[]
  feature_flags: string[]
  session_id: string | null
  portal_session_id: string | null
  expires_at: Date | null
  name: string
  person: string | null
  role: string | null
  used_at: Date | null
}

/** The token that is neither revoked nor of a revoked client, secret or a deleted account; it may have expired. */
export async function tokenByHash(database: Queryable, hash: Buffer): Promise<TokenRow | undefined> {
  const [row] = await database.query<TokenRow>`
    select id, kind, environment, account_id, client_id, scopes, capabilities, feature_flags, session_id,
           portal_session_id, expires_at, name, person, role, used_at
      from token_by_hash(${hash})`
  return row
}

/** How exact the last use of a key is. */
export const KEY_USE_MS = 5 * 60_000

/** Notes that a key is in use. */
export async function noteKeyUse(database: Queryable, hash: Buffer, now: Date): Promise<void> {
  await database.query`
    select note_key_use(${hash}, ${now}::timestamptz, ${addMs(now, -KEY_USE_MS)}::timestamptz)`
}

/** A client whose secret has been checked. */
export type ClientGrant = {
  clientId: string
  secretId: string
  environment: Environment
  accountId: string
  scopes: readonly Scope[]
}

/** Adds an access token for a client. The token itself is made by the caller and never stored. */
export async function insertAccessToken(
  tx: Queryable,
  parts: { clock: Clock; ids: IdSource },
  grant: ClientGrant,
  token: { text: string; scopes: readonly Scope[] },
): Promise<void> {
  const now = parts.clock.now()
  await tx.query`
    insert into token (hash, kind, id, environment, account_id, client_id, client_secret_id, scopes, created_at, expires_at)
    values (${credentialHash(token.text)}, 'access', ${`tok_${parts.ids.next(now).ksuid}`}, ${grant.environment},
            ${grant.accountId}, ${grant.clientId}, ${grant.secretId}, ${token.scopes}, ${now},
            ${addMs(now, ACCESS_TOKEN_SECONDS * 1000)})`
  await tx.query`
    update oauth_client set used_at = ${now}
     where account_id = ${grant.accountId} and id = ${grant.clientId}
       and (used_at is null or used_at <= ${addMs(now, -KEY_USE_MS)})`
}

/** What an app token lets its bearer do in its account. */
export type Rights = {
  scopes: readonly Scope[]
  capabilities: readonly Capability[]
  featureFlags: readonly string[]
  /** The session name that `expire-all` may ask for. */
  sessionId: string | null
}

/** Whose a token is: a session's of the portal, with which it ends; or a person's, with whose role it changes. */
export type Holder =
  | { portalSessionId: string; isStaff: boolean }
  | { portalSessionId: null; person: string | null; role: string | null }

/** Makes an app token (`appsk_…`), or one of staff; the answer is the only place where it stands in clear. */
export async function createAppToken(
  tx: Queryable,
  parts: { clock: Clock; ids: IdSource },
  account: { id: string; environment: Environment },
  rights: Rights,
  expiresAt: Date,
  holder: Holder = { portalSessionId: null, person: null, role: null },
): Promise<string> {
  const now = parts.clock.now()
  const token = newCredential('appsk_')
  const { person, role, isStaff } = { person: null, role: null, isStaff: false, ...holder }
  await tx.query`
    insert into token (hash, kind, id, environment, account_id, scopes, capabilities, feature_flags, session_id,
                       portal_session_id, person, role, created_at, expires_at)
    values (${credentialHash(token)}, ${isStaff ? 'staff' : 'app'}, ${`tok_${parts.ids.next(now).ksuid}`},
            ${account.environment}, ${account.id},
            ${rights.scopes}, ${rights.capabilities}, ${rights.featureFlags}, ${rights.sessionId},
            ${holder.portalSessionId}, ${person}, ${role}, ${now}, ${expiresAt})`
  return token
}

/** Ends one app token at once, in this account. */
export async function revokeAppToken(tx: Queryable, accountId: string, id: string, now: Date): Promise<void> {
  await tx.query`
    update token set revoked_at = ${now}
     where account_id = ${accountId} and id = ${id} and kind = 'app' and revoked_at is null`
}

export type EnvironmentKey = { id: string; name: string; createdAt: Date; revokedAt: Date | null }

/** Makes an environment key (`sk_…`); the answer is the only place where it stands in clear. */
export async function createKey(
  tx: Queryable,
  parts: { clock: Clock; ids: IdSource },
  input: { environment: Environment; name: string },
): Promise<{ id: string; key: string }> {
  const now = parts.clock.now()
  const id = `key_${parts.ids.next(now).ksuid}`
  const key = newCredential('sk_')
  await tx.query`
    insert into token (hash, kind, id, environment, name, created_at)
    values (${credentialHash(key)}, 'environment_key', ${id}, ${input.environment}, ${input.name}, ${now})`
  return { id, key }
}

/** @returns false when there is no such key, or it had been revoked before */
export async function revokeKey(tx: Queryable, environment: Environment, id: string, now: Date): Promise<boolean> {
  const rows = await tx.query`
    update token set revoked_at = ${now}
     where environment = ${environment} and id = ${id} and kind = 'environment_key' and revoked_at is null
    returning id`
  return rows.length > 0
}

/** At most 1,000, oldest first, revoked ones included. */
export async function listKeys(tx: Queryable, environment: Environment): Promise<EnvironmentKey[]> {
  const rows = await tx.query<{ id: string; name: string; created_at: Date; revoked_at: Date | null }>`
    select id, name, created_at, revoked_at
      from token where environment = ${environment} and kind = 'environment_key' order by id limit 1000`
  return rows.map((row) => ({ id: row.id, name: row.name, createdAt: row.created_at, revokedAt: row.revoked_at }))
}
