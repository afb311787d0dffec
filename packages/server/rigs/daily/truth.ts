import { AnswerLost } from '#src/adapters/http-client/http-client.ts'
import { type Npn, parseNpn } from '#src/population/npn.ts'
import type { SimulatorControl } from '#src/simulator/simulator-control.ts'
import type { Producer } from '#src/simulator/world.ts'
import { renewalPeriods } from '#src/updates/feed/normalise-renewal.ts'
import type { LocalDate } from '#src/updates/local-date.ts'
import { hashOf, type ListName, type Mirror } from './mirror.ts'

const ASKED_AT_ONCE = 500

/** Producers of a mirror that are not what the simulator says they are on a day, field by field. */
export async function mismatches(
  mirror: Mirror,
  simulator: SimulatorControl,
  user: string,
  day: LocalDate,
  npns: readonly string[],
): Promise<string[]> {
  const wrong: string[] = []
  for (let start = 0; start < npns.length; start += ASKED_AT_ONCE) {
    const part = npns.slice(start, start + ASKED_AT_ONCE).flatMap((text) => parseNpn(text) ?? [])
    const truths = await askTruths(simulator, user, day, part)
    for (const [index, npn] of part.entries()) {
      const truth = truths[index]
      const expected = truth ? recordsOf(truth).sort() : []
      if (expected.join() !== mirror.recordsOf(npn).join()) wrong.push(npn)
    }
  }
  return wrong
}

/** Asks again when the simulator closes a connection just then, since it was idle while this process was busy. */
async function askTruths(simulator: SimulatorControl, user: string, day: LocalDate, npns: readonly Npn[]) {
  try {
    return await simulator.truth(user, day, npns)
  } catch (error) {
    if (!(error instanceof AnswerLost)) throw error
    return await simulator.truth(user, day, npns)
  }
}

/** The records that a client should have of a producer. */
function recordsOf(producer: Producer): string[] {
  const none = { branchId: null }
  const mapped = ({ categories, ...row }: { categories: string[] }) => ({ ...row, loaMapping: { categories } })
  const records: [ListName, object][] = [
    ['entities', producer.entity],
    ...producer.addresses.map((row): [ListName, object] => ['addresses', { ...row, ...none }]),
    ...producer.contactInfos.map((row): [ListName, object] => ['contactInfos', { ...row, ...none }]),
    ...producer.otherNames.map((row): [ListName, object] => ['otherNames', { ...row, ...none, stateCoId: null }]),
    ...producer.licenses.map(({ perpetual, licenseLoas, ...row }): [ListName, object] => [
      'licenses',
      {
        ...row,
        ...none,
        renewalPeriods: renewalPeriods({ expirationDate: row.expirationDate, perpetual }),
        licenseLoas: licenseLoas.map((loa) => ({ ...mapped(loa), forState: row.forState })),
      },
    ]),
    ...producer.appointments.map((row): [ListName, object] => ['appointments', { ...mapped(row), ...none }]),
    ...producer.regulatoryActions.map((row): [ListName, object] => ['regulatoryActions', { ...row, ...none }]),
  ]
  return records.map(([list, fields]) => hashOf(list, fields))
}
