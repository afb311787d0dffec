import type { Queryable } from '#src/adapters/postgres/database.ts'

const BLOCK = 1_000 // what the sequence grows by

/** Ids of records, from blocks that the database hands out; what is not used is never given again. */
export class RecordIds {
  #free: { next: number; left: number }[] = []

  /** @returns gives `count` ids, one a call */
  async take(db: Queryable, count: number): Promise<() => number> {
    const missing = count - this.#free.reduce((sum, { left }) => sum + left, 0)
    const blocks = missing > 0 ? await readBlocks(db, Math.ceil(missing / BLOCK)) : []
    const all = [...this.#free, ...blocks]
    const mine: typeof all = []
    this.#free = []
    let wanted = count
    for (const { next, left } of all) {
      const taken = Math.min(left, wanted)
      if (taken > 0) mine.push({ next, left: taken })
      if (left > taken) this.#free.push({ next: next + taken, left: left - taken })
      wanted -= taken
    }
    return () => {
      const block = mine.find(({ left }) => left > 0)
      if (!block) throw new RangeError('more ids than were taken')
      block.left -= 1
      block.next += 1
      return block.next - 1
    }
  }
}

async function readBlocks(db: Queryable, count: number): Promise<{ next: number; left: number }[]> {
  const rows = await db.query<{ next: number }>`
    select nextval('record_id') as next from generate_series(1, ${count}::int)`
  return rows.map(({ next }) => ({ next, left: BLOCK }))
}
