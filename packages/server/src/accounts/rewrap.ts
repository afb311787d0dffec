import type { Database, Queryable } from '#src/adapters/postgres/database.ts'
import {
  addMasterKey,
  CannotOpen,
  DataKeys,
  heldMasterKey,
  keepDataKeys,
  type MasterKey,
  WrongMasterKey,
} from './encryption.ts'

const ACCOUNTS_PER_STATEMENT = 500
/** Nobody makes an account while the last transaction runs; what is left for it are those made since the batches began. */
const LAST_MS_MAX = 30_000

export type Rewrapped = {
  accounts: number
  /** Accounts whose keys open with none of the master keys: damaged, or of another database. As long as there are any, the former keys stay. */
  lost: string[]
}

/**
 * Puts the data key of every account under the first of the master keys, and then makes that the only one that the database holds.
 * Online: whoever has both keys opens both. One that was cut is made again, and goes on.
 * @param database  role `migrate`
 * @param done  called in the transaction that ends it
 * @throws WrongMasterKey: none of them is the database's
 */
export async function rewrapKeys(
  database: Database,
  master: MasterKey,
  now: Date,
  done: (tx: Queryable) => Promise<void>,
): Promise<Rewrapped> {
  if (!(await heldMasterKey(database, master))) throw new WrongMasterKey()
  const keys = new DataKeys(master)
  const first = await rewrapAll(database, keys, master)
  if (first.lost.length > 0) return first
  return await database.transaction({ timeoutMs: LAST_MS_MAX }, async (tx) => {
    await keepDataKeys(tx)
    const rest = await rewrapAll(tx, keys, master)
    if (rest.lost.length > 0) return rest
    await tx.query`delete from master_key where id <> ${master.id}`
    if (!(await heldMasterKey(tx, master))) await addMasterKey(tx, master, now)
    await done(tx)
    return { accounts: first.accounts + rest.accounts, lost: [] }
  })
}

async function rewrapAll(db: Queryable, keys: DataKeys, master: MasterKey): Promise<Rewrapped> {
  const lost: string[] = []
  let accounts = 0
  let after = ''
  for (;;) {
    const rows = await db.query<{ id: string; data_key: Buffer }>`
      select id, data_key from account
       where id > ${after} and length(data_key) > 0 and substring(data_key from 2 for 8) <> ${master.id}
       order by id limit ${ACCOUNTS_PER_STATEMENT}`
    const fresh = rows.flatMap(({ id, data_key }) => {
      const wrapped = rewrapped(keys, id, data_key)
      if (!wrapped) lost.push(id)
      return wrapped ? [{ id, former: data_key, wrapped }] : []
    })
    await db.query`
      update account a set data_key = n.wrapped
        from unnest(${fresh.map(({ id }) => id)}::text[], ${fresh.map(({ former }) => former)}::bytea[],
                    ${fresh.map(({ wrapped }) => wrapped)}::bytea[]) as n (id, former, wrapped)
       where a.id = n.id and a.data_key = n.former`
    accounts += fresh.length
    const last = rows.at(-1)
    if (!last || rows.length < ACCOUNTS_PER_STATEMENT) return { accounts, lost }
    after = last.id
  }
}

function rewrapped(keys: DataKeys, accountId: string, wrapped: Buffer): Buffer | undefined {
  try {
    return keys.rewrapped(accountId, wrapped)
  } catch (error) {
    if (error instanceof CannotOpen) return undefined
    throw error
  }
}
