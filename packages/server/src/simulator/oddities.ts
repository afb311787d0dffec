import type { Npn } from '#src/population/npn.ts'
import { Chance } from './chance.ts'
import type { World } from './world.ts'

/** What is unusual about the reports of one producer. Source: producersync-api 12. */
export type Oddities = {
  /** Statuses and the like in any case. */
  mixedCase: boolean
  blankStatus: boolean
  missingDates: boolean
  perpetual: boolean
  alphanumericNumbers: boolean
  severalLicenses: boolean
  firmWithoutNames: boolean
  withoutBirthDate: boolean
  duplicateRows: boolean
  reorderedRows: boolean
  /** ISO-8859-1 in place of UTF-8. */
  latin: boolean
  /** Characters written as references, sections, other spellings of dates, numbers and blanks. */
  otherSpellings: boolean
}

const ODD_SHARE = 0.125
const EACH_SHARE = 0.3

export function odditiesOf(world: World, npn: Npn): Oddities {
  const chance = new Chance(world.seed, npn, 'oddities')
  const hasAll = npn.endsWith('007')
  const isOdd = hasAll || chance.is(ODD_SHARE)
  const odd = () => hasAll || (isOdd && chance.is(EACH_SHARE))
  const withoutNames = odd()
  const isFirm = chance.is(0.3)
  return {
    mixedCase: odd(),
    blankStatus: odd(),
    missingDates: odd(),
    perpetual: odd(),
    alphanumericNumbers: odd(),
    severalLicenses: odd(),
    // nobody can be both
    firmWithoutNames: withoutNames && isFirm,
    withoutBirthDate: withoutNames && !isFirm,
    duplicateRows: odd(),
    reorderedRows: odd(),
    latin: odd(),
    otherSpellings: odd(),
  }
}
