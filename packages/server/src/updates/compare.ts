import type { Queryable } from '#src/adapters/postgres/database.ts'
import type { Npn } from '#src/population/npn.ts'
import type { RecordIds } from '#src/producers/record-ids.ts'
import { type RecordWrite, readHeads } from '#src/producers/record-store.ts'
import { differences, type ReportedRecord } from './diff.ts'
import type { ProducerReport } from './feed/feed.ts'
import type { RenewalRules } from './renewal-rules.ts'
import { recordsOf } from './reported-records.ts'

/** Reports that are compared without giving way to what else the process does: some milliseconds. */
const COMPARED_AT_ONCE = 20

/** What has to be written so that a feed's stored records are those of the reports. */
export async function compareReports(
  db: Queryable,
  parts: { recordIds: RecordIds; renewalRules: RenewalRules },
  feedId: string,
  reports: readonly ProducerReport[],
): Promise<Map<Npn, RecordWrite[]>> {
  const writes = new Map<Npn, RecordWrite[]>()
  for (let start = 0; start < reports.length; start += COMPARED_AT_ONCE) {
    await compareSome(db, parts, feedId, reports.slice(start, start + COMPARED_AT_ONCE), writes)
  }
  return writes
}

async function compareSome(
  db: Queryable,
  { recordIds, renewalRules }: { recordIds: RecordIds; renewalRules: RenewalRules },
  feedId: string,
  reports: readonly ProducerReport[],
  writes: Map<Npn, RecordWrite[]>,
): Promise<void> {
  const reported = reports.map((report) => ({ npn: report.npn, records: recordsOf(report, renewalRules) }))
  const heads = await readHeads(
    db,
    feedId,
    reported.map(({ npn }) => npn),
  )
  const idsMax = reported.reduce((sum, { records }) => sum + countRecords(records), 0)
  const nextId = await recordIds.take(db, idsMax)
  for (const { npn, records } of reported) {
    const changes = differences(heads.get(npn) ?? [], records, nextId)
    writes.set(
      npn,
      changes.map((change) => ({ npn, ...change })),
    )
  }
}

function countRecords(records: readonly ReportedRecord[]): number {
  return records.reduce((sum, { embedded }) => sum + 1 + embedded.length, 0)
}
