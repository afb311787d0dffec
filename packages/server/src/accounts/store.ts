import type { Clock } from '#src/adapters/clock.ts'
import type { Page } from '#src/adapters/http/pages.ts'
import { type IdSource, isId } from '#src/adapters/ids.ts'
import { isUniqueViolation, type Queryable } from '#src/adapters/postgres/database.ts'
import { type Sql, sql } from '#src/adapters/postgres/sql.ts'
import { DomainError } from '#src/domain-error.ts'
import { isUid, populationMaxOf } from './account.ts'
import type { DataKeys } from './encryption.ts'
import type { Account, Environment } from './principal.ts'

const CREATE_TRIES_MAX = 3

export type AccountRow = {
  id: string
  environment: Environment
  uid: string | null
  name: string
  throttle_rate: number | null
  metadata: Record<string, string>
  population_max: number
  auto_subscribe: boolean
  created_at: Date
  updated_at: Date
}

export function toAccount(row: AccountRow): Account {
  return {
    id: row.id,
    environment: row.environment,
    uid: row.uid,
    name: row.name,
    throttleRate: row.throttle_rate,
    metadata: row.metadata,
    populationMax: row.population_max,
    autoSubscribe: row.auto_subscribe,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

function first(rows: AccountRow[]): Account | undefined {
  const [row] = rows
  return row && toAccount(row)
}

/** The statement that reads a live account by id or uid; undefined for what can be neither. */
export function selectAccount(environment: Environment, idOrUid: string): Sql | undefined {
  if (isId(idOrUid, 'app_')) return selectById(environment, idOrUid)
  return isUid(idOrUid) ? selectByUid(environment, idOrUid) : undefined
}

function selectById(environment: Environment, id: string): Sql {
  return sql`
    select id, environment, uid, name, throttle_rate, metadata, population_max, auto_subscribe, created_at, updated_at
      from account where environment = ${environment} and id = ${id} and deleted_at is null`
}

function selectByUid(environment: Environment, uid: string): Sql {
  return sql`
    select id, environment, uid, name, throttle_rate, metadata, population_max, auto_subscribe, created_at, updated_at
      from account where environment = ${environment} and uid = ${uid} and deleted_at is null`
}

/** A live account of the environment, by id or uid. */
export async function findAccount(
  tx: Queryable,
  environment: Environment,
  idOrUid: string,
): Promise<Account | undefined> {
  const statement = selectAccount(environment, idOrUid)
  return statement && first(await tx.run<AccountRow>(statement))
}

export type NewAccount = {
  environment: Environment
  name: string
  uid?: string | null
  throttleRate?: number | null
  metadata?: Record<string, string>
}

/** Puts the NPNs into a new sandbox account that it starts with, loaded and without events (producersync-api 1). */
export type Preload = (tx: Queryable, account: Account) => Promise<void>
export type AccountParts = { clock: Clock; ids: IdSource; dataKeys: DataKeys; preload: Preload }

/**
 * Adds an account in a transaction that sees its environment.
 * @returns undefined when a live account has the uid: the constraint decides between callers at the same moment
 */
export async function createAccount(
  tx: Queryable,
  parts: AccountParts,
  input: NewAccount,
): Promise<Account | undefined> {
  const { ksuid, at } = parts.ids.next()
  const { environment } = input
  const account = await insertAccount(tx, parts, { ...input, id: `app_${ksuid}`, at, internal: false })
  if (account && environment === 'sandbox') await actingFor(tx, account.id, () => parts.preload(tx, account))
  return account
}

/** The row alone. @returns undefined when another account is in its way */
export async function insertAccount(
  tx: Queryable,
  { dataKeys }: Pick<AccountParts, 'dataKeys'>,
  { id, at, internal, environment, ...input }: NewAccount & { id: string; at: Date; internal: boolean },
): Promise<Account | undefined> {
  const dataKey = await dataKeys.newDataKey(tx, id)
  return first(
    await tx.query<AccountRow>`
      insert into account (id, environment, uid, name, throttle_rate, metadata, data_key, population_max, internal, created_at, updated_at)
      values (${id}, ${environment}, ${input.uid ?? null}, ${input.name}, ${input.throttleRate ?? null},
              ${input.metadata ?? {}}, ${dataKey}, ${populationMaxOf[environment]}, ${internal}, ${at}, ${at})
      on conflict do nothing
      returning id, environment, uid, name, throttle_rate, metadata, population_max, auto_subscribe, created_at, updated_at`,
  )
}

/** An account with the uid that `input` names, made if there is none. @returns also whether it was made now */
export async function findOrCreateAccount(
  tx: Queryable,
  parts: AccountParts,
  input: NewAccount,
): Promise<{ account: Account; isNew: boolean }> {
  for (let tries = 0; tries < CREATE_TRIES_MAX; tries += 1) {
    const made = await createAccount(tx, parts, input)
    if (made) return { account: made, isNew: true }
    const found = await findAccount(tx, input.environment, input.uid ?? '')
    if (found) return { account: found, isNew: false }
    // the one in the way was deleted in between
  }
  throw uidTaken()
}

/** Runs `work` with the account's own rows visible, in a transaction that sees its environment. */
export async function actingFor<T>(tx: Queryable, accountId: string, work: () => Promise<T>): Promise<T> {
  const [before] = await tx.query<{ account_id: string }>`
    select coalesce(current_setting('psapi.account_id', true), '') as account_id`
  await tx.query`select set_config('psapi.account_id', ${accountId}, true)`
  const result = await work()
  await tx.query`select set_config('psapi.account_id', ${before?.account_id ?? ''}, true)`
  return result
}

/** What to change; absent stays as it is, null clears. */
export type AccountChanges = {
  name?: string
  uid?: string | null
  throttleRate?: number | null
  metadata?: Record<string, string>
}

/**
 * @returns the account as it is then; undefined when it has been deleted
 * @throws DomainError conflict: another account has the uid
 */
export async function changeAccount(
  tx: Queryable,
  account: { id: string; environment: Environment },
  changes: AccountChanges,
  now: Date,
): Promise<Account | undefined> {
  const { name, uid, throttleRate, metadata } = changes
  try {
    return first(
      await tx.query<AccountRow>`
        update account
           set name = coalesce(${name}::text, name),
               uid = case when ${uid !== undefined}::boolean then ${uid}::text else uid end,
               throttle_rate = case when ${throttleRate !== undefined}::boolean then ${throttleRate}::integer else throttle_rate end,
               metadata = coalesce(${metadata}::jsonb, metadata),
               updated_at = ${now}
         where environment = ${account.environment} and id = ${account.id} and deleted_at is null
        returning id, environment, uid, name, throttle_rate, metadata, population_max, auto_subscribe, created_at, updated_at`,
    )
  } catch (error) {
    if (isUniqueViolation(error, 'account_uid')) throw uidTaken()
    throw error
  }
}

export function uidTaken(): DomainError {
  return new DomainError('conflict', 'An application with this uid exists.')
}

/** An endpoint whose rows somebody works on. */
export type EndedLane = { accountId: string; endpointId: string; shard: number }

/**
 * Ends an account at once: its uid is free, its tokens are none, its endpoints are gone with their secrets, and their
 * planned deliveries canceled by the mark on the endpoint. Rows follow in batches.
 * @returns the lanes whose owners should know once this is committed; undefined when it had been deleted before
 */
export async function endAccount(
  tx: Queryable,
  account: { id: string; environment: Environment },
  now: Date,
): Promise<EndedLane[] | undefined> {
  const rows = await tx.query`
    update account set deleted_at = ${now}, updated_at = ${now}
     where environment = ${account.environment} and id = ${account.id} and deleted_at is null
    returning id`
  if (rows.length === 0) return undefined
  return await actingFor(tx, account.id, async () => {
    const ended = await tx.query<{ id: string; shard: number }>`
      update endpoint
         set deleted_at = ${now}, canceled_before = ${now}, headers = null, version = version + 1, updated_at = ${now}
       where account_id = ${account.id} and deleted_at is null
      returning id, shard`
    await tx.query`delete from endpoint_secret where account_id = ${account.id}`
    await tx.query`
      update token set revoked_at = ${now} where account_id = ${account.id} and revoked_at is null`
    return ended.map(({ id, shard }) => ({ accountId: account.id, endpointId: id, shard }))
  })
}

export type AccountsWanted = {
  environment: Environment
  page: Page
  /** Only accounts with an endpoint. */
  withEndpoints?: boolean
  /** Not accounts all of whose endpoints are disabled. */
  notOnlyDisabled?: boolean
}

/** The rows of a page of accounts by id, one more than it shows, in the order it reads. */
export async function listAccounts(tx: Queryable, wanted: AccountsWanted): Promise<Account[]> {
  const { environment, page, withEndpoints = false, notOnlyDisabled = false } = wanted
  // ids lie between these two, so that the range of the index is bounded whatever the page
  const [above, below] = [page.above ?? 'app_', page.below ?? 'app`']
  const rows = await tx.query<AccountRow>`
    select id, environment, uid, name, throttle_rate, metadata, population_max, auto_subscribe, created_at, updated_at
      from account a
     where environment = ${environment} and deleted_at is null and id > ${above} and id < ${below}
       and (not ${withEndpoints}::boolean
            or exists (select from endpoint e where e.account_id = a.id and e.deleted_at is null))
       and (not ${notOnlyDisabled}::boolean
            or exists (select from endpoint e where e.account_id = a.id and e.deleted_at is null and not e.disabled)
            or not exists (select from endpoint e where e.account_id = a.id and e.deleted_at is null))
     order by id ${page.read === 'ascending' ? sql`asc` : sql`desc`} limit ${page.limit + 1}`
  return rows.map(toAccount)
}
