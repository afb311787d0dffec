import type { Clock } from '#src/adapters/clock.ts'
import type { IdSource } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { DomainError, notFound } from '#src/domain-error.ts'
import { credentialHash, newCredential } from './credentials.ts'
import type { Environment, Scope } from './principal.ts'
import type { ClientGrant } from './tokens.ts'

/** What a new client may ask for, unless an operator makes it otherwise. Source: producersync-api 2. */
export const DEFAULT_SCOPES = [
  'producersync.read',
  'producersync.write',
  'webhooks',
] as const satisfies readonly Scope[]
export const scopeNames: readonly Scope[] = [...DEFAULT_SCOPES, 'producersync.operate']

export type ClientSecret = { id: string; createdAt: Date; revokedAt: Date | null }
export type Client = {
  id: string
  environment: Environment
  accountId: string
  name: string
  scopes: readonly Scope[]
  createdAt: Date
  revokedAt: Date | null
  secrets: ClientSecret[]
}
/** Shown once; only the hash of the secret is stored. */
export type NewSecret = { clientId: string; secretId: string; secret: string }

type Parts = { clock: Clock; ids: IdSource }

export function isScope(text: string): text is Scope {
  return scopeNames.some((scope) => scope === text)
}

/** Makes an OAuth2 client of an account, with its first secret. */
export async function createClient(
  tx: Queryable,
  parts: Parts,
  account: { id: string; environment: Environment },
  input: { name: string; scopes?: readonly Scope[] },
): Promise<NewSecret> {
  const now = parts.clock.now()
  const clientId = `client_${parts.ids.next(now).ksuid}`
  await tx.query`
    insert into oauth_client (account_id, id, environment, name, scopes, created_at)
    values (${account.id}, ${clientId}, ${account.environment}, ${input.name}, ${input.scopes ?? DEFAULT_SCOPES}, ${now})`
  return await addSecret(tx, parts, { accountId: account.id, clientId })
}

/**
 * Gives a client a second secret; both are valid until one is revoked.
 * @throws DomainError not_found (unknown or revoked client), limit_reached (two secrets are valid already)
 */
export async function rotateSecret(
  tx: Queryable,
  parts: Parts,
  client: { accountId: string; id: string },
): Promise<NewSecret> {
  const [locked] = await tx.query`
    select id from oauth_client
     where account_id = ${client.accountId} and id = ${client.id} and revoked_at is null
       for update`
  if (!locked) throw notFound()
  return await addSecret(tx, parts, { accountId: client.accountId, clientId: client.id })
}

async function addSecret(tx: Queryable, parts: Parts, of: { accountId: string; clientId: string }): Promise<NewSecret> {
  const now = parts.clock.now()
  const secretId = `secret_${parts.ids.next(now).ksuid}`
  const secret = newCredential('cs_')
  const added = await tx.query`
    insert into oauth_client_secret (account_id, client_id, id, slot, secret_hash, created_at)
    select ${of.accountId}, ${of.clientId}, ${secretId}, free.slot, ${credentialHash(secret)}, ${now}
      from (values (1), (2)) as free (slot)
     where not exists (select from oauth_client_secret s
                        where s.account_id = ${of.accountId} and s.client_id = ${of.clientId} and s.slot = free.slot
                          and s.revoked_at is null)
     order by free.slot limit 1
    returning id`
  if (added.length === 0) {
    throw new DomainError('limit_reached', 'The client has two valid secrets. Revoke one of them first.')
  }
  return { clientId: of.clientId, secretId, secret }
}

/** Ends a client with all its secrets and tokens. @returns false when it had been revoked before, or there is none */
export async function revokeClient(
  tx: Queryable,
  client: { accountId: string; id: string },
  now: Date,
): Promise<boolean> {
  const rows = await tx.query`
    update oauth_client set revoked_at = ${now}
     where account_id = ${client.accountId} and id = ${client.id} and revoked_at is null
    returning id`
  return rows.length > 0
}

/** Ends one secret, and the tokens got with it. @returns false when it had been revoked before, or there is none */
export async function revokeSecret(
  tx: Queryable,
  secret: { accountId: string; clientId: string; id: string },
  now: Date,
): Promise<boolean> {
  const rows = await tx.query`
    update oauth_client_secret set revoked_at = ${now}
     where account_id = ${secret.accountId} and client_id = ${secret.clientId} and id = ${secret.id} and revoked_at is null
    returning id`
  return rows.length > 0
}

type ClientRow = {
  id: string
  environment: Environment
  account_id: string
  name: string
  scopes: Scope[]
  created_at: Date
  revoked_at: Date | null
}

/** A client of the environment by its id, without its secrets. */
export async function findClient(
  tx: Queryable,
  environment: Environment,
  id: string,
): Promise<Omit<Client, 'secrets'> | undefined> {
  const [row] = await tx.query<ClientRow>`
    select id, environment, account_id, name, scopes, created_at, revoked_at
      from oauth_client where environment = ${environment} and id = ${id}`
  return row && toClient(row)
}

/** The clients of an account with their secrets' ids, oldest first, revoked ones included. */
export async function listClients(tx: Queryable, accountId: string): Promise<Client[]> {
  const clients = await tx.query<ClientRow>`
    select id, environment, account_id, name, scopes, created_at, revoked_at
      from oauth_client where account_id = ${accountId} order by id`
  const secrets = await tx.query<{ id: string; client_id: string; created_at: Date; revoked_at: Date | null }>`
    select id, client_id, created_at, revoked_at
      from oauth_client_secret where account_id = ${accountId} order by id`
  const byClient = Map.groupBy(secrets, (secret) => secret.client_id)
  return clients.map((row) => ({
    ...toClient(row),
    secrets: (byClient.get(row.id) ?? []).map((secret) => ({
      id: secret.id,
      createdAt: secret.created_at,
      revokedAt: secret.revoked_at,
    })),
  }))
}

function toClient(row: ClientRow): Omit<Client, 'secrets'> {
  return {
    id: row.id,
    environment: row.environment,
    accountId: row.account_id,
    name: row.name,
    scopes: row.scopes,
    createdAt: row.created_at,
    revokedAt: row.revoked_at,
  }
}

/** The grant of a client id and secret that belong together, or undefined: the same work for every kind of wrong. */
export async function grantOf(database: Queryable, clientId: string, secret: string): Promise<ClientGrant | undefined> {
  const [row] = await database.query<{
    id: string
    environment: Environment
    account_id: string
    scopes: Scope[]
    client_secret_id: string
  }>`
    select id, environment, account_id, scopes, client_secret_id
      from client_by_secret(${clientId}, ${credentialHash(secret)})`
  return (
    row && {
      clientId: row.id,
      secretId: row.client_secret_id,
      environment: row.environment,
      accountId: row.account_id,
      scopes: row.scopes,
    }
  )
}
