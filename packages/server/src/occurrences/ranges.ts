import type { WindowPage } from '#src/adapters/http/pages.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { type Sql, sql, sqlText } from '#src/adapters/postgres/sql.ts'

/** Ids from `first` to `last`, both inclusive. */
export type IdRange = { first: string; last: string }

/** Whose rows a list looks through: the events of an account (owner ''), or the attempts of an endpoint. */
export type Owner = { accountId: string; owner: string }

/** What each row of a list has: one of the values of every group. */
export type Wanted = readonly (readonly string[])[]

/** Stretches are asked for in growing numbers: a frequent value fills a page from the first few. */
const FIRST_BATCH = 4
const BATCH_MAX = 64
const GROWTH = 2

/** Sorts after any id. */
const BEYOND = '~'
const EVERYTHING: IdRange = { first: '', last: BEYOND }

/**
 * Where in a page's window rows may be that have what is wanted: batches of ranges that do not overlap, in the order in which the page
 * reads. Whoever has filled the page asks for no more. Where nothing is known, the rows themselves have to be looked through:
 * that is a range too.
 */
export async function* rangesWith(
  tx: Queryable,
  owner: Owner,
  page: WindowPage,
  wanted: Wanted,
): AsyncGenerator<readonly IdRange[]> {
  const [known] = await tx.query<{ from_id: string; until_id: string }>`
    select from_id, until_id from occurrence_owner where account_id = ${owner.accountId} and owner = ${owner.owner}`
  if (!known || wanted.length === 0) {
    yield [EVERYTHING]
    return
  }
  const before: IdRange = { first: '', last: known.from_id }
  const after: IdRange = { first: `${known.until_id}0`, last: BEYOND } // right behind it: ids are of one length
  const [lower, upper] = boundsOf(page)
  if (page.read === 'descending') {
    if (after.first <= upper) yield [after]
    yield* stretches(tx, owner, { ...page, lower, upper }, wanted)
    if (before.last >= lower) yield [before]
  } else {
    if (before.last >= lower) yield [before]
    yield* stretches(tx, owner, { ...page, lower, upper }, wanted)
    if (after.first <= upper) yield [after]
  }
}

/** The smallest and the largest id that a row of the page can have, or a little beyond. */
export function boundsOf({ from, until, above, below }: WindowPage): [lower: string, upper: string] {
  return [above !== null && above > from ? above : from, below !== null && below < until ? below : until]
}

async function* stretches(
  tx: Queryable,
  { accountId, owner }: Owner,
  { read, lower, upper }: { read: WindowPage['read']; lower: string; upper: string },
  [values = [], ...others]: Wanted,
): AsyncGenerator<readonly IdRange[]> {
  const isDown = read === 'descending'
  const order = isDown ? sql`desc` : sql`asc`
  const alsoWith = others.map(
    (group) => sql`
      and exists (select from occurrence b
                   where b.account_id = ${accountId} and b.owner = ${owner} and b.value = any (${group}::text[])
                     and b.first_id = o.first_id)`,
  )
  let cursor: string | null = null
  for (let limit = FIRST_BATCH; ; limit = Math.min(limit * GROWTH, BATCH_MAX)) {
    const beyond: Sql =
      cursor === null ? sql`` : isDown ? sql`and o.first_id < ${cursor}` : sql`and o.first_id > ${cursor}`
    const rows: StretchRow[] = await tx.run<StretchRow>(sql`
      select s.first_id, s.last_id, bool_or(s.ids is null) as is_whole, json_agg(s.ids) as ids
        from unnest(${values}::text[]) as v (value)
       cross join lateral (
         select o.first_id, o.last_id, o.ids from occurrence o
          where o.account_id = ${accountId} and o.owner = ${owner} and o.value = v.value
            and o.first_id <= ${upper} and o.last_id >= ${lower}
            -- stretches do not overlap: the one that holds the lower bound is the last that begins before it
            and o.first_id >= coalesce((select max(p.first_id) from occurrence p
                                         where p.account_id = ${accountId} and p.owner = ${owner} and p.value = v.value
                                           and p.first_id <= ${lower}), '')
            ${beyond}
            ${alsoWith.reduce((all, one) => sql`${all} ${one}`, sql``)}
          order by o.first_id ${order} limit ${limit}) as s
       group by s.first_id, s.last_id
       order by s.first_id ${order} limit ${limit}`)
    if (rows.length > 0) yield rows.flatMap(toRanges)
    if (rows.length < limit) return
    cursor = rows.at(-1)?.first_id ?? null
  }
}

type StretchRow = { first_id: string; last_id: string; is_whole: boolean; ids: (string[] | null)[] }

/** A stretch that one of the values fills, or the rows that have them. */
function toRanges({ first_id: first, last_id: last, is_whole: isWhole, ids }: StretchRow): IdRange[] {
  if (isWhole) return [{ first, last }]
  return [...new Set(ids.flatMap((some) => some ?? []))].map((id) => ({ first: id, last: id }))
}

/** For what is found without knowing where values occur. */
export async function* everything(): AsyncGenerator<readonly IdRange[]> {
  yield [EVERYTHING]
}

/** The rows of a table that lie in these ranges. @param where  what they have beside, in which the table's own names stand */
export function rowsIn(table: 'event' | 'attempt', where: Sql, ranges: readonly IdRange[]): Sql {
  const from = sql`select * from ${sqlText(table)} where ${where}`
  const [only] = ranges
  if (only === EVERYTHING) return sql`(${from})`
  if (only && ranges.length === 1) return sql`(${from} and id >= ${only.first} and id <= ${only.last})`
  return sql`(select f.* from unnest(${ranges.map(({ first }) => first)}::text[], ${ranges.map(({ last }) => last)}::text[])
                         as r (first_id, last_id)
               cross join lateral (${from} and id >= r.first_id and id <= r.last_id offset 0) as f)`
}

/** Reads batch after batch until there are as many rows as are asked for. */
export async function fill<Batch, Row>(
  batches: AsyncIterable<Batch>,
  limit: number,
  read: (batch: Batch, limit: number) => Promise<Row[]>,
): Promise<Row[]> {
  const rows: Row[] = []
  for await (const batch of batches) {
    rows.push(...(await read(batch, limit - rows.length)))
    if (rows.length >= limit) break
  }
  return rows
}
