import type { Database, Queryable } from '#src/adapters/postgres/database.ts'
import { createClient, type NewSecret } from './clients.ts'
import { checkMasterKey, type MasterKey } from './encryption.ts'
import { environments } from './environments.ts'
import { addInternalAccount } from './internal-account.ts'
import { type Account, type Environment, visibleTo } from './principal.ts'
import { type AccountParts, actingFor, createAccount } from './store.ts'
import { createKey } from './tokens.ts'

/** What the first start made. The secrets stand here and nowhere else: print them once. */
export type FirstAccount = { account: Account; client: NewSecret; environmentKey: string }

const FIRST_ACCOUNT_NAME = 'Northwind Agency'

/**
 * Refuses a wrong master key, makes what is missing of the two environments, and in a fresh database the sandbox
 * account "Northwind Agency" with a client and an environment key. Any number of processes may call it at once.
 * @param database  role `api`
 * @returns what was made for the account; undefined in all processes but one, and at every later start
 * @throws WrongMasterKey, or what the database throws
 */
export async function firstStart(
  database: Database,
  master: MasterKey,
  parts: AccountParts,
): Promise<FirstAccount | undefined> {
  await database.transaction({}, async (tx) => {
    await tx.query`select pg_advisory_xact_lock(hashtextextended('psapi.first-start', 0))`
    await checkMasterKey(tx, master, parts.clock.now())
  })
  for (const environment of environments) {
    if (environment !== 'sandbox')
      await inEnvironment(database, environment, (tx) => addEnvironment(tx, parts, environment))
  }
  return await inEnvironment(database, 'sandbox', async (tx) => {
    const isNew = await addEnvironment(tx, parts, 'sandbox')
    return isNew ? await addFirstAccount(tx, parts) : undefined
  })
}

async function inEnvironment<T>(
  database: Database,
  environment: Environment,
  work: (tx: Queryable) => Promise<T>,
): Promise<T> {
  return await database.transaction({ settings: visibleTo(environment) }, work)
}

/** @returns whether this call made it: a second one waits for the first, and then finds the row */
async function addEnvironment(tx: Queryable, parts: AccountParts, environment: Environment): Promise<boolean> {
  const { ksuid, at } = parts.ids.next()
  const made = await tx.query`
    insert into environment (name, id, created_at) values (${environment}, ${`org_${ksuid}`}, ${at})
    on conflict (name) do nothing
    returning name`
  await addInternalAccount(tx, parts, environment)
  return made.length > 0
}

async function addFirstAccount(tx: Queryable, parts: AccountParts): Promise<FirstAccount> {
  const account = await createAccount(tx, parts, { environment: 'sandbox', name: FIRST_ACCOUNT_NAME })
  if (!account) throw new Error('an account without a uid met another')
  const client = await actingFor(tx, account.id, () => createClient(tx, parts, account, { name: FIRST_ACCOUNT_NAME }))
  const { key } = await createKey(tx, parts, { environment: 'sandbox', name: 'first start' })
  return { account, client, environmentKey: key }
}
