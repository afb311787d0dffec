import { type Sql, sql } from '#src/adapters/postgres/sql.ts'
import type { ServedKind } from './answer-schemas.ts'

// Where each kind of record is stored (`r`) and what is served of it, in the order in which it is served. `p` is the NPN's row
// of the account's population.

type Stored = { table: Sql; columns: Sql; parentId: Sql | null }

const known = sql`
  p.npn::text as npn, r.transaction_id as "transactionId", r.created_on as "createdAt",
  greatest(r.updated_on, p.fresh_on) as "updatedAt", r.nipr_deleted as "niprDeleted"`
// NIPR's report has no element for a branch
const ofState = sql`r.for_state as "forState", null as "branchId"`
const loaMapping = sql`json_build_object('categories', r.categories) as "loaMapping"`

const periodOf = (from: Sql, until: Sql) => sql`
  case when ${until} is not null then json_build_object('startDate', ${from}, 'endDate', ${until}) end`

export const stored: Record<ServedKind, Stored> = {
  entities: {
    table: sql`entity`,
    parentId: null,
    columns: sql`
      r.id, p.npn::text as npn, r.type, r.fein_id as "feinId", r.company_name as "companyName", r.first_name as "firstName",
      r.middle_name as "middleName", r.last_name as "lastName", r.suffix, r.date_of_birth as "dateOfBirth",
      r.no_licenses as "noLicenses", p.activations as "subscriptionCount", r.transaction_id as "transactionId",
      r.created_on as "createdAt", greatest(r.updated_on, p.fresh_on) as "updatedAt", r.nipr_deleted as "niprDeleted",
      (select min(l.id) from license l
        where l.feed_id = r.feed_id and l.npn = r.npn and l.residency_status = 'R' and l.active and not l.nipr_deleted)
        as "residentLicenseId"`,
  },
  addresses: {
    table: sql`address`,
    parentId: null,
    columns: sql`
      r.id, ${known}, r.type, ${ofState}, r.nipr_date_updated as "niprDateUpdated", r.line1, r.line2, r.line3, r.city, r.state,
      r.zip, r.country`,
  },
  contactInfos: {
    table: sql`contact_info`,
    parentId: null,
    columns: sql`r.id, ${known}, r.type, ${ofState}, r.nipr_date_updated as "niprDateUpdated", r.value`,
  },
  otherNames: {
    table: sql`other_name`,
    parentId: null,
    columns: sql`r.id, ${known}, r.type, ${ofState}, null as "stateCoId", r.name`,
  },
  licenses: {
    table: sql`license`,
    parentId: null,
    columns: sql`
      r.id, ${known}, ${ofState}, r.nipr_date_updated as "niprDateUpdated", r.license_num as "licenseNum",
      r.original_issue_date as "originalIssueDate", r.expiration_date as "expirationDate", r.license_class as "licenseClass",
      r.license_class_code as "licenseClassCode", r.residency_status as "residencyStatus", r.active,
      r.agent_types as "agentTypes",
      json_build_object('renewalType', r.renewal_type,
        'renewal', ${periodOf(sql`r.renewal_from`, sql`r.renewal_until`)},
        'lateRenewal', ${periodOf(sql`r.late_renewal_from`, sql`r.late_renewal_until`)},
        'reinstatement', ${periodOf(sql`r.reinstatement_from`, sql`r.reinstatement_until`)}) as "renewalPeriods"`,
  },
  licenseLoas: {
    table: sql`license_loa`,
    parentId: sql`r.license_id`,
    columns: sql`
      r.id, ${known}, r.license_id as "licenseId", r.for_state as "forState", r.loa, r.loa_code as "loaCode",
      r.issue_date as "issueDate", r.status, r.status_reason as "statusReason", r.status_reason_date as "statusReasonDate",
      r.ce_compliance as "ceCompliance", r.ce_credits_needed as "ceCreditsNeeded", r.ce_renewal_date as "ceRenewalDate",
      ${loaMapping}`,
  },
  appointments: {
    table: sql`appointment`,
    parentId: null,
    columns: sql`
      r.id, ${known}, ${ofState}, r.company_name as "companyName", r.fein_id as "feinId", r.co_code as "coCode", r.loa,
      r.loa_code as "loaCode", r.status, r.status_reason_date as "statusReasonDate",
      r.termination_reason as "terminationReason", r.renewal_date as "renewalDate", r.county_code as "countyCode",
      ${loaMapping}`,
  },
  regulatoryActions: {
    table: sql`regulatory_action`,
    parentId: null,
    columns: sql`
      r.id, ${known}, ${ofState}, r.action_id as "actionId", r.action_date as "actionDate",
      r.effective_date as "effectiveDate", r.enter_date as "enterDate",
      r.penalty_fine_forfeiture as "penaltyFineForfeiture", r.length_of_order as "lengthOfOrder", r.file_ref as "fileRef"`,
  },
  regulatoryActionValues: {
    table: sql`regulatory_action_value`,
    parentId: sql`r.regulatory_action_id`,
    columns: sql`r.id, ${known}, r.regulatory_action_id as "regulatoryActionId", r.type, r.value`,
  },
}
