import type { Queryable } from '#src/adapters/postgres/database.ts'
import { insertJobRow } from '#src/population/job-store.ts'
import { type Preview, ROWS_PER_BLOCK } from './store.ts'

export type NewPart = {
  id: string
  /** Of the first job of the change. */
  changeId: string
  preview: Preview
  part: 'add' | 'remove'
  /** Places in the part of the preview: from the first row of a block on. */
  from: number
  count: number
}

/** A job of a change, its items taken from the blocks of the preview. Call it under `takeNumber`. */
export async function insertPart(tx: Queryable, accountId: string, given: NewPart, acceptedAt: Date): Promise<void> {
  const { id, changeId, preview, part, from, count } = given
  const first = from / ROWS_PER_BLOCK
  await tx.query`
    insert into population_job_item (account_id, job_id, position, npn)
    select ${accountId}, ${id}::uuid, (b.block - ${first}::int) * ${ROWS_PER_BLOCK}::int + row.place - 1, row.npn
      from population_preview_block b cross join lateral unnest(b.npns) with ordinality as row (npn, place)
     where b.account_id = ${accountId} and b.preview_id = ${preview.id}::uuid and b.part = ${part}
       and b.block >= ${first}::int and b.block < ${first + Math.ceil(count / ROWS_PER_BLOCK)}::int`
  const job = { id, changeId, changeType: preview.mode, type: part, requested: count, distinct: count }
  await insertJobRow(tx, accountId, job, acceptedAt)
}
