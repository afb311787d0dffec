import type { Npn } from '#src/population/npn.ts'
import { dayOfNumber } from '../updates/calendar.ts'
import type { ReportedContactInfo, ReportedEntity, ReportedOtherName } from '../updates/feed/feed.ts'
import {
  FIRM_ENDINGS,
  FIRM_NAMES,
  FIRST_NAMES,
  LARGE_STATES,
  LAST_NAMES,
  STATES,
  SUFFIXES,
  WIDE_LAST_NAMES,
} from './catalogue.ts'
import { Chance } from './chance.ts'
import { type Oddities, odditiesOf } from './oddities.ts'
import { newAction, newAddress, newAppointment, newLicense, newPhone, oldDay } from './rows.ts'
import type { Producer, World } from './world.ts'

const FIRM_SHARE = 0.15
const LICENSE_STATES_MAX = 5
const APPOINTMENTS_OF_006 = 400

/** A producer before anything has changed. NPNs with certain endings are made to be large or without licenses. */
export function baseProducer(world: World, npn: Npn): Producer {
  const odd = odditiesOf(world, npn)
  const chance = new Chance(world.seed, npn, 'base')
  const states = licenseStates(npn, chance)
  const home = states[0] ?? chance.pick(STATES)
  const licenses = states.flatMap((state) => {
    const residency = state === home ? 'R' : 'NR'
    const count = odd.severalLicenses ? 2 : 1
    return Array.from({ length: count }, () => newLicense(chance, odd, state, residency, oldDay(chance)))
  })
  const appointments = Array.from({ length: appointmentCount(world, npn, chance, states) }, () =>
    newAppointment(chance, odd, chance.pick(states), oldDay(chance)),
  )
  const mailing = newAddress(chance, odd, home, odd.blankStatus ? null : 'MAILING')
  const addresses = [newAddress(chance, odd, home, 'BUSINESS'), mailing]
  return {
    npn,
    entity: { ...baseEntity(chance, odd), noLicenses: licenses.length === 0 },
    addresses: withDuplicate(odd, addresses),
    contactInfos: baseContacts(npn, chance, odd, home),
    otherNames: baseOtherNames(chance, odd, home),
    licenses,
    appointments: withDuplicate(odd, appointments),
    regulatoryActions: states.length > 0 && chance.is(0.03) ? [newAction(chance, odd, home, oldDay(chance))] : [],
  }
}

/** The states in which somebody has licenses, the resident one first; half of the others are large ones. */
function licenseStates(npn: Npn, chance: Chance): string[] {
  if (npn.endsWith('001')) return []
  if (npn.endsWith('006')) return [...STATES]
  const count = chance.whole(npn.endsWith('005') ? 2 : 1, LICENSE_STATES_MAX)
  const states: string[] = [chance.pick(STATES)]
  while (states.length < count) {
    const state = chance.pick<string>(chance.is(0.5) ? LARGE_STATES : STATES)
    if (!states.includes(state)) states.push(state)
  }
  return states
}

function appointmentCount(world: World, npn: Npn, chance: Chance, states: readonly string[]): number {
  if (states.length === 0) return 0
  return npn.endsWith('006') ? APPOINTMENTS_OF_006 : chance.whole(0, 2 * world.appointmentsAverage)
}

function baseEntity(chance: Chance, odd: Oddities): Omit<ReportedEntity, 'noLicenses'> {
  const isFirm = odd.firmWithoutNames || (!odd.withoutBirthDate && chance.is(FIRM_SHARE))
  const nameless = { companyName: null, firstName: null, middleName: null, lastName: null, suffix: null }
  if (isFirm)
    return {
      ...nameless,
      type: 'FIRM',
      feinId: String(chance.whole(100_000_000, 999_999_999)),
      companyName: odd.firmWithoutNames ? null : `${chance.pick(FIRM_NAMES)} ${chance.pick(FIRM_ENDINGS)}`,
      dateOfBirth: null,
    }
  return {
    type: 'INDIVIDUAL',
    feinId: null,
    companyName: null,
    firstName: chance.pick(FIRST_NAMES),
    middleName: chance.is(0.5) ? chance.pick(['A', 'B', 'Marie', 'Lee']) : null,
    lastName: lastName(chance, odd),
    suffix: chance.is(0.1) ? chance.pick(SUFFIXES) : null,
    dateOfBirth: odd.withoutBirthDate ? null : dayOfNumber(chance.whole(-7_300, 12_000)), // 1950 to 2002
  }
}

function baseContacts(npn: Npn, chance: Chance, odd: Oddities, forState: string): ReportedContactInfo[] {
  const niprDateUpdated = odd.missingDates ? null : oldDay(chance)
  return [
    { forState, type: 'BUSINESS_PHONE', niprDateUpdated, value: newPhone(chance) },
    { forState, type: 'BUSINESS_EMAIL', niprDateUpdated, value: `producer${npn}@example.com` },
  ]
}

function baseOtherNames(chance: Chance, odd: Oddities, forState: string): ReportedOtherName[] {
  if (!chance.is(0.2)) return []
  const type = chance.pick(['ALIAS', 'PREVIOUS', 'FIRM_BRANCH'] as const)
  return [{ forState, type, name: `${chance.pick(FIRST_NAMES)} ${lastName(chance, odd)}` }]
}

function lastName(chance: Chance, odd: Oddities): string {
  return chance.pick(odd.latin || chance.is(0.9) ? LAST_NAMES : WIDE_LAST_NAMES)
}

function withDuplicate<T>(odd: Oddities, rows: T[]): T[] {
  return odd.duplicateRows ? [...rows, ...rows.slice(0, 1)] : rows
}
