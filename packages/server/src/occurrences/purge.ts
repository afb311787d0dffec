import type { Queryable } from '#src/adapters/postgres/database.ts'

/** What was noted before a moment: none of it is kept any more. @returns how many, up to `limit` */
export async function purgeOccurrences(db: Queryable, before: Date, limit: number): Promise<number> {
  const rows = await db.query`
    delete from occurrence
     where ctid = any (array(select ctid from occurrence where noted_at < ${before} limit ${limit}))
    returning 1`
  return rows.length
}
