import { type Sql, sql } from '#src/adapters/postgres/sql.ts'

/**
 * Is somebody watching the account of a row? Where nobody watches anything, no row is looked at; else each is looked up in a hash.
 * @param accountId  a column
 */
export function isWatched(accountId: Sql): Sql {
  return sql`exists (select from live_watch) and (${accountId} in (select account_id from live_watch)) is true`
}
