import type { Queryable } from '#src/adapters/postgres/database.ts'
import type { Npn } from '#src/population/npn.ts'
import type { RecordIds } from '#src/producers/record-ids.ts'
import { type RecordWrite, readHeads } from '#src/producers/record-store.ts'
import { differences, type ReportedRecord } from './diff.ts'
import type { ProducerReport } from './feed/feed.ts'
import type { RenewalRules } from './renewal-rules.ts'
import { recordsOf } from './reported-records.ts'

/** What has to be written so that a feed's stored records are those of the reports. */
export async function compareReports(
  db: Queryable,
  { recordIds, renewalRules }: { recordIds: RecordIds; renewalRules: RenewalRules },
  feedId: string,
  reports: readonly ProducerReport[],
): Promise<Map<Npn, RecordWrite[]>> {
  const reported = reports.map((report) => ({ npn: report.npn, records: recordsOf(report, renewalRules) }))
  const heads = await readHeads(
    db,
    feedId,
    reported.map(({ npn }) => npn),
  )
  const idsMax = reported.reduce((sum, { records }) => sum + countRecords(records), 0)
  const nextId = await recordIds.take(db, idsMax)
  return new Map(
    reported.map(({ npn, records }) => [
      npn,
      differences(heads.get(npn) ?? [], records, nextId).map((change) => ({ npn, ...change })),
    ]),
  )
}

function countRecords(records: readonly ReportedRecord[]): number {
  return records.reduce((sum, { embedded }) => sum + 1 + embedded.length, 0)
}
