import type { Page } from '#src/adapters/http/pages.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { type Counts, noParts, type PartRow, type Parts, type Wish } from './difference.ts'
import { PREVIEW_PARTS, type PreviewMode, type PreviewPart, type PreviewReason } from './preview.ts'

/** A difference that somebody looks at. */
export type Preview = {
  id: string
  mode: PreviewMode
  format: 'csv' | 'text' | 'json' | 'job'
  column: string | null
  blank: number
  counts: Counts
  sizeBefore: number
  sizeAfter: number
  /** `population_count.changes` that it was made at. */
  populationChange: number
  digest: Buffer
  createdAt: Date
  expiresAt: Date
  /** The job by which it has been applied. */
  changeId: string | null
}

export const ROWS_PER_BLOCK = 1_000
const BLOCKS_PER_STATEMENT = 50
/** Of one account; older ones go. */
const PREVIEWS_MAX = 10

type Block = {
  part: PreviewPart
  block: number
  npns: (number | null)[]
  lines: (number | null)[]
  texts: (string | null)[]
  reasons: (string | null)[]
}

/** Makes room for one more. */
export async function dropOldPreviews(tx: Queryable, accountId: string): Promise<void> {
  await tx.query`
    delete from population_preview
     where account_id = ${accountId}
       and id in (select id from population_preview where account_id = ${accountId}
                   order by created_at desc, id offset ${PREVIEWS_MAX - 1})`
}

export async function savePreview(tx: Queryable, accountId: string, preview: Preview, parts: Parts): Promise<void> {
  await tx.query`
    insert into population_preview (account_id, id, mode, format, column_name, blank, counts, size_before, size_after,
                                    population_change, digest, created_at, expires_at)
    values (${accountId}, ${preview.id}, ${preview.mode}, ${preview.format}, ${preview.column}, ${preview.blank},
            ${preview.counts}, ${preview.sizeBefore}, ${preview.sizeAfter}, ${preview.populationChange}, ${preview.digest},
            ${preview.createdAt}, ${preview.expiresAt})`
  const blocks = PREVIEW_PARTS.flatMap((part) => blocksOf(part, parts[part]))
  for (let start = 0; start < blocks.length; start += BLOCKS_PER_STATEMENT) {
    const given = JSON.stringify(blocks.slice(start, start + BLOCKS_PER_STATEMENT))
    await tx.query`
      insert into population_preview_block (account_id, preview_id, part, block, npns, lines, texts, reasons)
      select ${accountId}, ${preview.id}::uuid, given.*
        from json_to_recordset(${given}::json)
          as given (part text, block int, npns bigint[], lines int[], texts text[], reasons text[])`
  }
}

function blocksOf(part: PreviewPart, rows: readonly PartRow[]): Block[] {
  const blocks: Block[] = []
  for (let start = 0; start < rows.length; start += ROWS_PER_BLOCK) {
    const some = rows.slice(start, start + ROWS_PER_BLOCK)
    blocks.push({
      part,
      block: start / ROWS_PER_BLOCK,
      npns: some.map(({ npn }) => npn),
      lines: some.map(({ line }) => line),
      texts: some.map(({ text }) => text),
      reasons: some.map(({ reason }) => reason),
    })
  }
  return blocks
}

type PreviewRow = {
  id: string
  mode: PreviewMode
  format: Preview['format']
  column_name: string | null
  blank: number
  counts: Counts
  size_before: number
  size_after: number
  population_change: number
  digest: Buffer
  created_at: Date
  expires_at: Date
  change_id: string | null
}

/** @returns undefined for one of another account, and for one whose time is over */
export async function readPreview(
  db: Queryable,
  accountId: string,
  id: string,
  now: Date,
): Promise<Preview | undefined> {
  const [row] = await db.query<PreviewRow>`
    select id, mode, format, column_name, blank, counts, size_before, size_after, population_change, digest, created_at,
           expires_at, change_id
      from population_preview where account_id = ${accountId} and id = ${id}::uuid and expires_at > ${now}`
  return row && toPreview(row)
}

/** As `readPreview`, locked to the end of the transaction. */
export async function holdPreview(
  tx: Queryable,
  accountId: string,
  id: string,
  now: Date,
): Promise<Preview | undefined> {
  await tx.query`
    select from population_preview where account_id = ${accountId} and id = ${id}::uuid for update`
  return await readPreview(tx, accountId, id, now)
}

export async function saveApplied(tx: Queryable, accountId: string, id: string, changeId: string): Promise<void> {
  await tx.query`
    update population_preview set change_id = ${changeId}::uuid where account_id = ${accountId} and id = ${id}::uuid`
}

function toPreview(row: PreviewRow): Preview {
  return {
    id: row.id,
    mode: row.mode,
    format: row.format,
    column: row.column_name,
    blank: row.blank,
    counts: row.counts,
    sizeBefore: row.size_before,
    sizeAfter: row.size_after,
    populationChange: row.population_change,
    digest: row.digest,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    changeId: row.change_id,
  }
}

type BlockRow = {
  block: number
  npns: (number | null)[]
  lines: (number | null)[]
  texts: (string | null)[]
  reasons: (PreviewReason | null)[]
}

/** A row with its place in its part, from 0. */
export type PlacedRow = PartRow & { place: number }

/** Rows of a part at places `from` (inclusive) to `until` (exclusive). */
async function readPlaces(
  db: Queryable,
  accountId: string,
  id: string,
  part: PreviewPart,
  { from, until }: { from: number; until: number },
): Promise<PlacedRow[]> {
  const blocks = await db.query<BlockRow>`
    select block, npns, lines, texts, reasons from population_preview_block
     where account_id = ${accountId} and preview_id = ${id}::uuid and part = ${part}
       and block >= ${Math.floor(from / ROWS_PER_BLOCK)}::int and block <= ${Math.floor((until - 1) / ROWS_PER_BLOCK)}::int
     order by block`
  return blocks.flatMap(rowsOf).filter(({ place }) => place >= from && place < until)
}

function rowsOf({ block, npns, lines, texts, reasons }: BlockRow): PlacedRow[] {
  return npns.map((npn, index) => ({
    place: block * ROWS_PER_BLOCK + index,
    npn,
    line: lines[index] ?? null,
    text: texts[index] ?? null,
    reason: reasons[index] ?? null,
  }))
}

/** A page of a part, by places; one row more than its limit when there are more. */
export async function readPreviewRows(
  db: Queryable,
  accountId: string,
  { id, counts }: Preview,
  part: PreviewPart,
  page: Page,
): Promise<PlacedRow[]> {
  const above = page.above === null ? -1 : Number(page.above)
  const below = page.below === null ? counts[part] : Math.min(Number(page.below), counts[part])
  const wanted = page.limit + 1
  const range =
    page.read === 'ascending'
      ? { from: above + 1, until: Math.min(below, above + 1 + wanted) }
      : { from: Math.max(above + 1, below - wanted), until: below }
  if (range.from >= range.until) return []
  const rows = await readPlaces(db, accountId, id, part, range)
  return page.read === 'ascending' ? rows : rows.reverse()
}

/** Everything of a preview. */
export async function readParts(db: Queryable, accountId: string, { id, counts }: Preview): Promise<Parts> {
  const parts = noParts()
  for (const part of PREVIEW_PARTS) {
    if (counts[part] > 0) parts[part] = await readPlaces(db, accountId, id, part, { from: 0, until: counts[part] })
  }
  return parts
}

/** Some blocks of a part, for whoever reads it to its end; empty at the end. */
export async function readSome(
  db: Queryable,
  accountId: string,
  { id, counts }: Preview,
  part: PreviewPart,
  from: number,
): Promise<PlacedRow[]> {
  const until = Math.min(counts[part], from + 10 * ROWS_PER_BLOCK)
  return from >= until ? [] : await readPlaces(db, accountId, id, part, { from, until })
}

/** How many enabled endpoints of the account get an event of these types. */
export async function countWanting(db: Queryable, accountId: string, types: readonly string[]): Promise<number> {
  const [row] = await db.query<{ wanting: number }>`
    select count(*) as wanting from endpoint t
     where t.account_id = ${accountId}
       and exists (select from unnest(${types}::text[]) as type (name)
                     left join event_type y on y.environment = t.environment and y.name = type.name
                    where endpoint_wants(t, null, type.name, y, null))`
  return row?.wanting ?? 0
}

/** Those of the NPNs that the account monitors. */
export async function readActiveOf(db: Queryable, accountId: string, npns: readonly number[]): Promise<number[]> {
  const [row] = await db.query<{ npns: number[] | null }>`
    select array_agg(npn) as npns from population
     where account_id = ${accountId} and active and npn = any (${npns}::bigint[])`
  return row?.npns ?? []
}

/** NPNs that the account monitors, in their order. */
export async function readActive(db: Queryable, accountId: string, after: number, limit: number): Promise<number[]> {
  const [row] = await db.query<{ npns: number[] | null }>`
    select array_agg(npn order by npn) as npns
      from (select npn from population where account_id = ${accountId} and active and npn > ${after}::bigint
             order by npn limit ${limit}) as page`
  return row?.npns ?? []
}

export type Counted = { size: number; changes: number }

export async function readCounted(db: Queryable, accountId: string): Promise<Counted> {
  const [row] = await db.query<Counted>`
    select loading + ready + not_found as size, changes from population_count where account_id = ${accountId}`
  return row ?? { size: 0, changes: 0 }
}

/** What a change has done, as wishes to take it back. */
export async function readOpposite(db: Queryable, accountId: string, changeId: string): Promise<Wish[]> {
  const rows = await db.query<{ outcome: 'added' | 'removed'; npns: number[] }>`
    select i.outcome, array_agg(i.npn order by i.npn) as npns
      from population_job j
      join population_job_item i on i.account_id = j.account_id and i.job_id = j.id
     where j.account_id = ${accountId} and j.change_id = ${changeId}::uuid and i.outcome in ('added', 'removed')
     group by i.outcome`
  return rows.flatMap(({ outcome, npns }) => npns.map((npn) => ({ npn, line: null, joins: outcome === 'removed' })))
}
