import type { RecordFields, RecordKind } from './record.ts'

type Snake<Name extends string> = Name extends `${infer Head}${infer Tail}`
  ? `${Head extends Lowercase<Head> ? Head : `_${Lowercase<Head>}`}${Snake<Tail>}`
  : ''

type ColumnsOf<Kind extends RecordKind> = Record<Snake<keyof RecordFields[Kind] & string>, string>

/** The columns that hold a record's own fields, with their types in PostgreSQL. */
export const RECORD_COLUMNS: { readonly [Kind in RecordKind]: ColumnsOf<Kind> } = {
  entity: {
    type: 'text',
    fein_id: 'text',
    company_name: 'text',
    first_name: 'text',
    middle_name: 'text',
    last_name: 'text',
    suffix: 'text',
    date_of_birth: 'date',
    no_licenses: 'boolean',
  },
  address: {
    for_state: 'text',
    type: 'text',
    nipr_date_updated: 'date',
    line1: 'text',
    line2: 'text',
    line3: 'text',
    city: 'text',
    state: 'text',
    zip: 'text',
    country: 'text',
  },
  contact_info: { for_state: 'text', type: 'text', nipr_date_updated: 'date', value: 'text' },
  other_name: { for_state: 'text', type: 'text', name: 'text' },
  license: {
    for_state: 'text',
    nipr_date_updated: 'date',
    license_num: 'text',
    original_issue_date: 'date',
    expiration_date: 'date',
    license_class: 'text',
    license_class_code: 'text',
    residency_status: 'text',
    active: 'boolean',
    agent_types: 'text[]',
    renewal_type: 'text',
    renewal_from: 'date',
    renewal_until: 'date',
    late_renewal_from: 'date',
    late_renewal_until: 'date',
    reinstatement_from: 'date',
    reinstatement_until: 'date',
  },
  license_loa: {
    license_id: 'bigint',
    for_state: 'text',
    loa: 'text',
    loa_code: 'text',
    issue_date: 'date',
    status: 'text',
    status_reason: 'text',
    status_reason_date: 'date',
    ce_compliance: 'text',
    ce_credits_needed: 'double precision',
    ce_renewal_date: 'date',
    categories: 'text[]',
  },
  appointment: {
    for_state: 'text',
    company_name: 'text',
    fein_id: 'text',
    co_code: 'text',
    loa: 'text',
    loa_code: 'text',
    status: 'text',
    status_reason_date: 'date',
    termination_reason: 'text',
    renewal_date: 'date',
    county_code: 'text',
    categories: 'text[]',
  },
  regulatory_action: {
    for_state: 'text',
    action_id: 'text',
    action_date: 'date',
    effective_date: 'date',
    enter_date: 'date',
    penalty_fine_forfeiture: 'bigint',
    length_of_order: 'double precision',
    file_ref: 'text',
  },
  regulatory_action_value: { regulatory_action_id: 'bigint', type: 'text', value: 'text' },
}

/** The row of a record's fields, by column. */
export function toRow(fields: object): Record<string, unknown> {
  const row: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(fields)) row[toColumn(name)] = value
  return row
}

const known = new Map<string, string>()

function toColumn(name: string): string {
  let column = known.get(name)
  if (column === undefined) {
    column = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    known.set(name, column)
  }
  return column
}
