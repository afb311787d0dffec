import type { Npn } from '#src/population/npn.ts'
import { dayNumber } from '../updates/calendar.ts'
import type { AlertKind, ReportedAppointment, ReportedLicense } from '../updates/feed/feed.ts'
import type { LocalDate } from '../updates/local-date.ts'
import { LARGE_STATES, LINES, STATES, TERMINATIONS } from './catalogue.ts'
import { Chance } from './chance.ts'
import type { Oddities } from './oddities.ts'
import { monthEnd, newAction, newAppointment, newLicense, newLoa, newPhone, newPlace } from './rows.ts'
import type { Producer, World } from './world.ts'

const LICENSES_MAX = 12
const LOAS_MAX = 8
const ACTIONS_MAX = 4

/**
 * The weekdays (by index) on which a producer changes, in order: gaps between independent days, so that asking about one day
 * costs a few draws and not one for every day before it.
 */
export function* changeIndexes(world: World, npn: Npn): Generator<number, void, void> {
  const chance = new Chance(world.seed, npn, 'changes')
  const logNoChange = Math.log1p(-world.changeShare)
  for (let index = -1; ; ) {
    index += 1 + Math.floor(Math.log(1 - chance.next()) / logNoChange)
    if (!Number.isFinite(index)) return
    yield index
  }
}

/** What kind of change a producer has on a day on which it changes. */
export function kindOfChange(world: World, npn: Npn, day: LocalDate): AlertKind {
  return drawKind(npn, new Chance(world.seed, npn, day))
}

function drawKind(npn: Npn, chance: Chance): AlertKind {
  const draw = chance.next()
  if (npn.endsWith('001') || draw < 0.15) return 'DEMOGRAPHICS'
  if (draw < 0.18) return 'RIRS'
  return draw < 0.5 ? 'APPOINTMENTS' : 'LICENSING'
}

/** Changes a producer as it changes on this day. Every change can be seen in its report. */
export function applyChange(producer: Producer, world: World, day: LocalDate, odd: Oddities): void {
  const chance = new Chance(world.seed, producer.npn, day)
  const kind = drawKind(producer.npn, chance)
  if (kind === 'DEMOGRAPHICS') changeDemographics(producer, chance, day)
  else if (kind === 'RIRS') changeActions(producer, chance, day, odd)
  else if (kind === 'APPOINTMENTS') changeAppointments(producer, world, chance, day, odd)
  else changeLicenses(producer, chance, day, odd)
  producer.entity = { ...producer.entity, noLicenses: producer.licenses.length === 0 }
}

/** The state whose licenses all get a new expiry on a day of bulk expiry. */
export function bulkState(world: World, day: LocalDate): string {
  return new Chance(world.seed, day, 'bulk').pick(LARGE_STATES)
}

export function applyBulkExpiry(producer: Producer, world: World, day: LocalDate): void {
  const chance = new Chance(world.seed, day, 'bulk')
  const state = chance.pick(LARGE_STATES)
  const expirationDate = monthEnd(yearOf(day) + 2, chance.whole(1, 12))
  producer.licenses = producer.licenses.map((license) =>
    license.forState === state ? { ...license, expirationDate, perpetual: false, niprDateUpdated: day } : license,
  )
}

function changeDemographics(producer: Producer, chance: Chance, day: LocalDate): void {
  const home = homeOf(producer)
  const draw = chance.next()
  if (draw < 0.5) {
    const changed = chance.whole(0, producer.addresses.length - 1)
    producer.addresses = producer.addresses.map((address, i) =>
      i === changed ? { ...address, ...newPlace(chance, home), niprDateUpdated: day } : address,
    )
  } else if (draw < 0.8) {
    producer.contactInfos = producer.contactInfos.map((contact) =>
      contact.type === 'BUSINESS_PHONE' ? { ...contact, value: newPhone(chance), niprDateUpdated: day } : contact,
    )
  } else {
    const others = producer.contactInfos.filter(({ type }) => type !== 'FAX')
    const hadFax = others.length < producer.contactInfos.length
    const fax = { forState: home, type: 'FAX' as const, niprDateUpdated: day, value: newPhone(chance) }
    producer.contactInfos = hadFax ? others : [...others, fax]
  }
}

function changeActions(producer: Producer, chance: Chance, day: LocalDate, odd: Oddities): void {
  const newest = producer.regulatoryActions.at(-1)
  if (newest === undefined || producer.regulatoryActions.length < ACTIONS_MAX) {
    const action = newAction(chance, odd, homeOf(producer), day)
    // ids are a state's own; two of one day cannot be
    producer.regulatoryActions = [
      ...producer.regulatoryActions,
      { ...action, actionId: `${dayNumber(day)}${action.actionId}` },
    ]
    return
  }
  const changed = { ...newest, penaltyFineForfeiture: (newest.penaltyFineForfeiture ?? 0) + 100 }
  producer.regulatoryActions = [...producer.regulatoryActions.slice(0, -1), changed]
}

function changeAppointments(producer: Producer, world: World, chance: Chance, day: LocalDate, odd: Oddities): void {
  const { appointments } = producer
  const draw = chance.next()
  const canAdd = appointments.length < 2 * world.appointmentsAverage + 10
  const appointed = appointments.flatMap((appointment, i) => (appointment.status === 'APPOINTED' ? [i] : []))
  if (appointments.length === 0 || (canAdd && draw < 0.5)) {
    const state = chance.pick(producer.licenses)?.forState ?? homeOf(producer)
    const dated = { ...newAppointment(chance, odd, state, day), statusReasonDate: day }
    producer.appointments = [...appointments, dated]
  } else if (appointed.length > 0 && draw < 0.85) {
    producer.appointments = appointments.with(...terminated(appointments, chance.pick(appointed), chance, day))
  } else {
    producer.appointments = appointments.toSpliced(chance.whole(0, appointments.length - 1), 1)
  }
}

function terminated(
  appointments: readonly ReportedAppointment[],
  index: number,
  chance: Chance,
  day: LocalDate,
): [number, ReportedAppointment] {
  const appointment = appointments[index]
  if (appointment === undefined) throw new RangeError('no such appointment')
  return [
    index,
    { ...appointment, status: 'TERMINATED', statusReasonDate: day, terminationReason: chance.pick(TERMINATIONS) },
  ]
}

function changeLicenses(producer: Producer, chance: Chance, day: LocalDate, odd: Oddities): void {
  const { licenses } = producer
  if (licenses.length === 0) {
    producer.licenses = [newLicense(chance, odd, homeOf(producer), 'R', day)]
    return
  }
  const draw = chance.next()
  const index = chance.whole(0, licenses.length - 1)
  if (draw < 0.12 && licenses.length < LICENSES_MAX) {
    producer.licenses = [...licenses, newLicense(chance, odd, newState(producer, chance), 'NR', day)]
  } else if (draw < 0.2 && licenses.length > 1) {
    producer.licenses = licenses.toSpliced(index, 1)
  } else {
    producer.licenses = licenses.map((license, i) => (i === index ? changeLicense(license, chance, day, odd) : license))
  }
}

/** What changes leaves its day in the license, so that no change is none. */
function changeLicense(license: ReportedLicense, chance: Chance, day: LocalDate, odd: Oddities): ReportedLicense {
  const draw = chance.next()
  const changed = { ...license, niprDateUpdated: day }
  if (draw < 0.5) renew(changed, day)
  else if (draw < 0.65) lapse(changed, day)
  else if (draw < 0.85 && license.licenseLoas.length < LOAS_MAX) {
    const taken = new Set(license.licenseLoas.map(({ loa }) => loa))
    const free = LINES.flatMap(({ name }, i) => (taken.has(name) ? [] : [i]))
    changed.licenseLoas = [...license.licenseLoas, newLoa(chance, odd, chance.pick(free), day)]
  } else {
    const index = chance.whole(0, license.licenseLoas.length - 1)
    changed.licenseLoas = license.licenseLoas.map((loa, i) =>
      i === index ? { ...loa, status: 'Cancelled', statusReason: 'Voluntary', statusReasonDate: day } : loa,
    )
  }
  changed.active = changed.licenseLoas.some(({ status }) => status === 'Active')
  return changed
}

function renew(license: ReportedLicense, day: LocalDate): void {
  const expiry = license.expirationDate ?? day
  if (!license.perpetual) license.expirationDate = monthEnd(yearOf(expiry) + 2, Number(expiry.slice(5, 7)))
  license.licenseLoas = license.licenseLoas.map((loa) =>
    loa.status === 'Inactive' ? { ...loa, status: 'Active', statusReason: null, statusReasonDate: null } : loa,
  )
}

function lapse(license: ReportedLicense, day: LocalDate): void {
  license.licenseLoas = license.licenseLoas.map((loa) =>
    loa.status === 'Active'
      ? { ...loa, status: 'Inactive', statusReason: 'Failed to Renew', statusReasonDate: day }
      : loa,
  )
}

function newState(producer: Producer, chance: Chance): string {
  const taken = new Set(producer.licenses.map(({ forState }) => forState))
  return chance.pick(STATES.filter((state) => !taken.has(state)))
}

function homeOf(producer: Producer): string {
  return producer.addresses[0]?.forState ?? 'CO'
}

function yearOf(day: LocalDate): number {
  return Number(day.slice(0, 4))
}
