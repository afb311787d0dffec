import { hash } from 'node:crypto'
import type { License, RecordFields, RecordKind } from '#src/producers/record.ts'
import type { ReportedRecord } from './diff.ts'
import type { ProducerReport, ReportedLicense, ReportedRegulatoryAction } from './feed/feed.ts'
import { type RenewalRule, renewalPeriods } from './feed/normalise-renewal.ts'
import type { RenewalRules } from './renewal-rules.ts'

const HASH_DIGITS = 32

/**
 * The records of a report, each with its identity within the producer and the hash of its content: what it embeds
 * belongs to its content, in whatever order it stands. Source: producersync-api 11, "Identity".
 */
export function recordsOf(report: ProducerReport, rules: RenewalRules = {}): ReportedRecord[] {
  return [
    record('entity', [], report.entity),
    ...report.addresses.map((fields) => record('address', [fields.forState, fields.type], fields)),
    ...report.contactInfos.map((fields) => record('contact_info', [fields.forState, fields.type], fields)),
    ...report.otherNames.map((fields) => record('other_name', [fields.forState, fields.type, fields.name], fields)),
    ...report.licenses.map((license) => licenseRecord(license, rules)),
    ...report.appointments.map((fields) =>
      record('appointment', [fields.forState, fields.coCode, fields.loaCode, fields.countyCode], fields),
    ),
    ...report.regulatoryActions.map(actionRecord),
  ]
}

function licenseRecord(reported: ReportedLicense, rules: RenewalRules): ReportedRecord {
  const { licenseLoas, perpetual: _, ...own } = reported
  const rule = reported.forState === null ? undefined : rules[reported.forState]
  const fields: License = { ...own, ...renewalFields(reported, rule) }
  const loas = licenseLoas.map((loa) =>
    record('license_loa', [loa.loaCode ?? `name:${loa.loa}`], { forState: reported.forState, ...loa }),
  )
  return record('license', [own.forState, own.licenseNum, own.licenseClassCode], fields, loas)
}

function renewalFields(license: ReportedLicense, rule?: RenewalRule) {
  const { renewalType, renewal, lateRenewal, reinstatement } = renewalPeriods(license, rule)
  return {
    renewalType,
    renewalFrom: renewal?.startDate ?? null,
    renewalUntil: renewal?.endDate ?? null,
    lateRenewalFrom: lateRenewal?.startDate ?? null,
    lateRenewalUntil: lateRenewal?.endDate ?? null,
    reinstatementFrom: reinstatement?.startDate ?? null,
    reinstatementUntil: reinstatement?.endDate ?? null,
  }
}

function actionRecord(reported: ReportedRegulatoryAction): ReportedRecord {
  const { regulatoryActionValues, ...fields } = reported
  const values = regulatoryActionValues.map((value) => record('regulatory_action_value', [value.type], value))
  return record('regulatory_action', [fields.forState, fields.actionId], fields, values)
}

/** @param fields  always in the same order; what names the parent is added where its id is known */
function record<Kind extends RecordKind>(
  kind: Kind,
  identity: readonly (string | null)[],
  fields: Omit<RecordFields[Kind], 'licenseId' | 'regulatoryActionId'>,
  embedded: ReportedRecord[] = [],
): ReportedRecord {
  const content = [Object.values(fields), embedded.map((child) => `${child.identity}${child.contentHash}`).sort()]
  return { kind, identity: hashOf(identity), contentHash: hashOf(content), fields, embedded }
}

function hashOf(value: unknown): string {
  return hash('sha256', JSON.stringify(value), 'hex').slice(0, HASH_DIGITS)
}
