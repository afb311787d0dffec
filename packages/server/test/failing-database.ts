import type { Queryable } from '#src/adapters/postgres/database.ts'
import type { Sql } from '#src/adapters/postgres/sql.ts'
import type { Transactions } from '#src/population/work.ts'
import { queryableBy } from './queryable.ts'

/** Stands for the death of the process. */
export class Killed extends Error {}

/**
 * A database whose client dies at the n-th place (from 1): before each statement, before each commit, and after each
 * commit, when the client does not learn of it.
 */
export function failingAt(database: Transactions, place: number): Transactions {
  let passed = 0
  const pass = () => {
    passed += 1
    if (passed >= place) throw new Killed(`killed at ${place}`)
  }
  return {
    async transaction(options, work) {
      const result = await database.transaction(options, async (tx) => {
        const result = await work(watched(tx, pass))
        pass()
        return result
      })
      pass()
      return result
    },
  }
}

function watched(tx: Queryable, pass: () => void): Queryable {
  const run = async <Row>(statement: Sql): Promise<Row[]> => {
    pass()
    return await tx.run<Row>(statement)
  }
  return queryableBy(run)
}
