import type { Database, Queryable } from '#src/adapters/postgres/database.ts'
import { type Account, type Environment, visibleTo } from './principal.ts'
import { type AccountParts, type AccountRow, actingFor, insertAccount, toAccount } from './store.ts'

const NAME = 'Operational webhooks'

/**
 * Makes the account to which an environment's own endpoints, events and tasks belong, where it is missing. Nobody sees it but a
 * transaction that names it.
 * @param tx  of role `api`, seeing the environment
 */
export async function addInternalAccount(tx: Queryable, parts: AccountParts, environment: Environment): Promise<void> {
  if ((await internalAccountId(tx, environment)) !== null) return
  const { ksuid, at } = parts.ids.next()
  const id = `app_${ksuid}`
  await actingFor(tx, id, () => insertAccount(tx, parts, { id, at, environment, name: NAME, internal: true }))
}

async function internalAccountId(tx: Queryable, environment: Environment): Promise<string | null> {
  const [row] = await tx.query<{ id: string | null }>`select internal_account(${environment}) as id`
  return row?.id ?? null
}

/** Finds the internal accounts of the environments; each is read once, as it never changes. */
export class InternalAccounts {
  readonly #database: Database
  readonly #known = new Map<Environment, Account>()

  /** @param database  role `api` */
  constructor(database: Database) {
    this.#database = database
  }

  async of(environment: Environment): Promise<Account> {
    const known = this.#known.get(environment)
    if (known) return known
    const account = await this.#database.transaction({ settings: visibleTo(environment) }, async (tx) => {
      const id = await internalAccountId(tx, environment)
      if (id === null) throw new Error(`the environment ${environment} has no internal account`)
      return await actingFor(tx, id, async () => {
        const [row] = await tx.query<AccountRow>`
          select id, environment, uid, name, throttle_rate, metadata, population_max, auto_subscribe, created_at, updated_at
            from account where id = ${id}`
        if (!row) throw new Error(`the internal account of ${environment} cannot be read`)
        return toAccount(row)
      })
    })
    this.#known.set(environment, account)
    return account
  }
}
