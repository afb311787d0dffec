import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Npn } from '#src/population/npn.ts'
import { addDays } from '../updates/calendar.ts'
import type { AlertKind } from '../updates/feed/feed.ts'
import type { LocalDate } from '../updates/local-date.ts'
import type { Days } from './business-days.ts'
import { LICENSE_CLASSES, LINES, STATES } from './catalogue.ts'
import { Chance } from './chance.ts'
import { escapeXml } from './spelling.ts'
import { npnOf } from './target-table.ts'
import { isNamed } from './truth.ts'
import type { World } from './world.ts'

const ACORD = 'http://www.acord.org/schema/data/draft/ReusableDataComponents/1'
const REPORTS: Readonly<Record<AlertKind, string>> = {
  LICENSING: 'Licensing',
  APPOINTMENTS: 'Appointments',
  RIRS: 'RIRS',
  DEMOGRAPHICS: 'Demographics',
}
/** Between two turns of the event loop: other requests are answered meanwhile. */
const TARGETS_PER_TURN = 1_000

/**
 * The alert report of a day, in pieces. @param targets by number; the report names those of them that changed so on this day
 */
export async function* alertXml(
  world: World,
  days: Days,
  kind: AlertKind,
  day: LocalDate,
  targets: Float64Array,
): AsyncGenerator<string, void, void> {
  const name = REPORTS[kind]
  const id = `${day}-${kind}`
  yield `<?xml version="1.0" encoding="UTF-8"?>\n<${name}ReportProcessResult xmlns="${ACORD}"><MessageHeader><MessageId>${id}</MessageId>` +
    `<CorrelationId>${id}</CorrelationId><MessageDateTime>${day}T10:00:00</MessageDateTime><MessageDocumentCount>1</MessageDocumentCount></MessageHeader>` +
    `<MessageResult><StatusCode>Completed</StatusCode><MessageDocumentResult><MessageDocumentReferences><DocumentId>1</DocumentId>` +
    `</MessageDocumentReferences><StatusCode>Completed</StatusCode><SuccessCode>Success</SuccessCode></MessageDocumentResult></MessageResult><${name}Report>`
  let written = 0
  for (let start = 0; start < targets.length; start += TARGETS_PER_TURN) {
    let xml = ''
    for (const number of targets.subarray(start, start + TARGETS_PER_TURN)) {
      const npn = npnOf(number)
      if (isNamed(world, days, npn, day, kind)) xml += party(world, npn, day, kind, ++written)
    }
    if (xml !== '') yield xml
    await nextTurn()
  }
  yield `</${name}Report></${name}ReportProcessResult>\n`
}

/** A producer, and for licenses something about them; a reader that wants to know asks for the detail report. */
function party(world: World, npn: Npn, day: LocalDate, kind: AlertKind, number: number): string {
  const person =
    `<Person key="P${number}"><ExternalIdentifier><TypeCode>NAICProducerCode</TypeCode><Id>${npn}</Id></ExternalIdentifier></Person>` +
    `<Address key="A${number}"/>`
  if (kind !== 'LICENSING') return person
  const chance = new Chance(world.seed, npn, day, 'alert')
  const { name, code } = chance.pick(LICENSE_CLASSES)
  const [state, line, issued] = [chance.pick(STATES), chance.pick(LINES), addDays(day, -chance.whole(100, 3000))]
  return (
    `${person}<JurisdictionReport><PersonReferences personReference="P${number}"/><JurisdictionReportItem><StateOrProvinceCode>${state}</StateOrProvinceCode>` +
    `<Licensee><InsuranceLicense><ResidentLicenseIndicator>${chance.is(0.5)}</ResidentLicenseIndicator><TypeCode>Insurance</TypeCode><License>` +
    `<LicenseNumberId>${chance.whole(100_000, 9_999_999)}</LicenseNumberId><LicensePeriod><StartDate>${issued}</StartDate></LicensePeriod>` +
    `<StatusCode>Failed to renew</StatusCode><IssueDate>${issued}</IssueDate><LicenseClassCode>${code}</LicenseClassCode>` +
    `<LicenseClassDescription>${escapeXml(name, true)}</LicenseClassDescription><StateOrProvinceCode>${state}</StateOrProvinceCode></License>` +
    `<LineOfAuthority><IssueDate>${issued}</IssueDate><StateOrProvinceCode>${state}</StateOrProvinceCode><LineOfAuthorityCode>${line.code}</LineOfAuthorityCode>` +
    `<LineOfAuthorityDescription>${escapeXml(line.name, true)}</LineOfAuthorityDescription><StatusCode>Active</StatusCode></LineOfAuthority>` +
    '</InsuranceLicense></Licensee></JurisdictionReportItem></JurisdictionReport>'
  )
}
