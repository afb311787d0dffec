import type { Queryable } from '#src/adapters/postgres/database.ts'
import type { answersFor, Embedded } from './answers.ts'
import type { Served, ServedKind } from './served.ts'
import { type Reader, type RecordRow, readRecords, type Wanted } from './store.ts'

type EmbeddedKind = keyof Embedded

const NOTHING: Embedded = { licenseLoas: new Map(), regulatoryActionValues: new Map() }
const EMBEDS: Partial<Record<ServedKind, EmbeddedKind>> = {
  licenses: 'licenseLoas',
  regulatoryActions: 'regulatoryActionValues',
}

/** Records as they are answered, with what is embedded in them; read from one view, so call it in one transaction. */
export async function readServed<Kind extends ServedKind>(
  tx: Queryable,
  reader: Reader,
  kind: Kind,
  wanted: Wanted,
  answers: ReturnType<typeof answersFor>,
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
  answers: ReturnType<typeof answersFor>,
): Promise<Embedded> {
  const kind = EMBEDS[parents]
  if (kind === undefined || rows.length === 0) return NOTHING
  const filters = { npns: [...new Set(rows.map(({ npn }) => npn))], includeDeleted }
  const parentIds = rows.map(({ id }) => id)
  if (kind === 'licenseLoas') {
    const found = await readRecords(tx, reader, kind, { filters, parentIds })
    const served = found.map((row) => answers.licenseLoas(row, NOTHING))
    return { ...NOTHING, licenseLoas: Map.groupBy(served, ({ licenseId }) => licenseId) }
  }
  const found = await readRecords(tx, reader, kind, { filters, parentIds })
  const served = found.map((row) => answers.regulatoryActionValues(row, NOTHING))
  return { ...NOTHING, regulatoryActionValues: Map.groupBy(served, ({ regulatoryActionId }) => regulatoryActionId) }
}
