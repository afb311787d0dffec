import type { Database } from '#src/adapters/postgres/database.ts'
import { type Sql, sql } from '#src/adapters/postgres/sql.ts'
import type { RecordKind } from '#src/producers/record.ts'

/** A row of a table of records, by its columns. */
export type RecordRow = { id: number; npn: string; [column: string]: unknown }

export const TABLE_OF: Record<RecordKind, Sql> = {
  entity: sql`entity`,
  address: sql`address`,
  contact_info: sql`contact_info`,
  other_name: sql`other_name`,
  license: sql`license`,
  license_loa: sql`license_loa`,
  appointment: sql`appointment`,
  regulatory_action: sql`regulatory_action`,
  regulatory_action_value: sql`regulatory_action_value`,
}

export const TRANSACTION_ID = 'ae51f10b-8b5e-40ba-98a9-8f860392b344'
const STORED = {
  identity: '\\x00',
  content_hash: '\\x00',
  created_on: '2026-02-02',
  updated_on: '2026-02-02',
  nipr_deleted: false,
  transaction_id: TRANSACTION_ID,
}

/** What a row has that names nothing else: the examples of producersync-api 7. */
const OWN: Record<RecordKind, object> = {
  entity: {
    type: 'INDIVIDUAL',
    first_name: 'Joe',
    middle_name: 'A',
    last_name: 'Producer',
    date_of_birth: '1984-02-11',
    no_licenses: false,
    changed_on: '2026-02-02',
  },
  address: {
    type: 'BUSINESS',
    for_state: 'CO',
    nipr_date_updated: '2025-12-01',
    line1: '789 S Washington Ave',
    city: 'Denver',
    state: 'CO',
    zip: '80211',
    country: 'U.S.A.',
  },
  contact_info: {
    type: 'BUSINESS_EMAIL',
    for_state: 'CO',
    nipr_date_updated: '2025-12-01',
    value: 'joe@example.com',
  },
  other_name: { type: 'ALIAS', for_state: 'CO', name: 'Joseph Producer' },
  license: {
    for_state: 'CO',
    nipr_date_updated: '2026-03-05',
    license_num: 'A-294553',
    original_issue_date: '2014-05-01',
    expiration_date: '2027-05-31',
    license_class: 'Insurance Producer',
    license_class_code: '3',
    residency_status: 'R',
    active: true,
    agent_types: ['Producer'],
    renewal_type: 'RENEWAL_REQUIRED',
    renewal_from: '2027-03-02',
    renewal_until: '2027-05-31',
  },
  license_loa: {
    for_state: 'CO',
    loa: 'Property',
    loa_code: '12',
    issue_date: '2014-05-01',
    status: 'Active',
    ce_compliance: 'IN COMPLIANCE',
    ce_credits_needed: 0,
    categories: ['property'],
  },
  appointment: {
    for_state: 'CO',
    company_name: 'Example Mutual',
    fein_id: '840000001',
    co_code: '24740',
    loa: 'Property',
    loa_code: '12',
    status: 'TERMINATED',
    status_reason_date: '2026-03-05',
    termination_reason: 'Not for Cause',
    categories: ['property'],
  },
  regulatory_action: {
    for_state: 'CO',
    action_id: '13537078',
    action_date: '2019-04-02',
    effective_date: '2019-04-02',
    enter_date: '2019-04-10',
    penalty_fine_forfeiture: 1500,
    length_of_order: 12,
  },
  regulatory_action_value: { type: 'REASON', value: 'Cease And Desist' },
}

let lastId = 1_000_000

/** A row that is not stored yet; ids grow in the order of making. */
export function recordRow(kind: RecordKind, npn: string, columns: object = {}): RecordRow {
  lastId += 1
  return { id: lastId, npn, ...STORED, ...OWN[kind], ...columns }
}

export async function insertRecords(
  db: Database,
  feedId: string,
  kind: RecordKind,
  rows: readonly RecordRow[],
): Promise<void> {
  const json = JSON.stringify(rows.map((row) => ({ feed_id: feedId, ...row })))
  const table = TABLE_OF[kind]
  await db.run(sql`insert into ${table} select * from json_populate_recordset(null::${table}, ${json}::json)`)
}

/** A producer with a record of each kind, at these dates; its rows, already stored. */
export async function insertProducer(
  db: Database,
  feedId: string,
  npn: string,
  columns: { updated_on?: string; changed_on?: string } = {},
): Promise<Record<RecordKind, RecordRow>> {
  const { changed_on = columns.updated_on ?? STORED.updated_on, ...stored } = columns
  const license = recordRow('license', npn, stored)
  const action = recordRow('regulatory_action', npn, stored)
  const rows = {
    entity: recordRow('entity', npn, { ...stored, changed_on }),
    address: recordRow('address', npn, stored),
    contact_info: recordRow('contact_info', npn, stored),
    other_name: recordRow('other_name', npn, stored),
    license,
    license_loa: recordRow('license_loa', npn, { license_id: license.id, ...stored }),
    appointment: recordRow('appointment', npn, stored),
    regulatory_action: action,
    regulatory_action_value: recordRow('regulatory_action_value', npn, { regulatory_action_id: action.id, ...stored }),
  }
  for (const [kind, row] of typedEntries(rows)) await insertRecords(db, feedId, kind, [row])
  return rows
}

function typedEntries<K extends string, V>(record: Record<K, V>): [K, V][] {
  return Object.entries(record) as [K, V][]
}
