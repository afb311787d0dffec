import type { Queryable } from '#src/adapters/postgres/database.ts'
import { sql } from '#src/adapters/postgres/sql.ts'

/** Whatever is asked of it, prepared or as a template, is run this way. */
export function queryableBy(run: Queryable['run']): Queryable {
  return { run, query: (strings, ...values) => run(sql(strings, ...values)) }
}
