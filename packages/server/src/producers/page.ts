import type { Queryable } from '#src/adapters/postgres/database.ts'
import type { Served, ServedKind } from './answer-schemas.ts'
import type { Answers, Embedded } from './answers.ts'
import { type Reader, type RecordRow, readRecords, type Wanted } from './store.ts'

const NOTHING: Embedded = { licenseLoas: new Map(), regulatoryActionValues: new Map() }

/** Records as they are answered, with what is embedded in them; read from one view, so call it in one transaction. */
export async function readServed<Kind extends ServedKind>(
  tx: Queryable,
  reader: Reader,
  kind: Kind,
  wanted: Wanted,
  answers: Answers,
): Promise<Served<Kind>[]> {
  const rows = await readRecords(tx, reader, kind, wanted)
  const embedded = await readEmbedded(tx, reader, kind, rows, wanted.filters.includeDeleted, answers)
  return rows.map((row) => answers[kind](row, embedded))
}

/** What is embedded is complete, whatever the filters of its parents, but for what has vanished and is not asked for. */
async function readEmbedded(
  tx: Queryable,
  reader: Reader,
  parents: ServedKind,
  rows: readonly RecordRow<ServedKind>[],
  includeDeleted: boolean | undefined,
  answers: Answers,
): Promise<Embedded> {
  const npns = [...new Set(rows.map(({ npn }) => npn))]
  const wanted = { filters: { npns, includeDeleted }, parentIds: rows.map(({ id }) => id) }
  if (parents === 'licenses' && rows.length > 0) {
    const loas = await readRecords(tx, reader, 'licenseLoas', wanted)
    const served = loas.map((row) => answers.licenseLoas(row, NOTHING))
    return { ...NOTHING, licenseLoas: Map.groupBy(served, ({ licenseId }) => licenseId) }
  }
  if (parents === 'regulatoryActions' && rows.length > 0) {
    const values = await readRecords(tx, reader, 'regulatoryActionValues', wanted)
    const served = values.map((row) => answers.regulatoryActionValues(row, NOTHING))
    return { ...NOTHING, regulatoryActionValues: Map.groupBy(served, ({ regulatoryActionId }) => regulatoryActionId) }
  }
  return NOTHING
}
