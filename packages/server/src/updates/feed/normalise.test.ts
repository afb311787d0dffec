import { expect, test } from 'vitest'
import { day } from '../../../test/simulated-nipr.ts'
import { normaliseCoCode, normaliseDate, normaliseNumber, normaliseState, normaliseText } from './normalise.ts'
import { loaCategories } from './normalise-loa.ts'
import { renewalPeriods } from './normalise-renewal.ts'

/** What a reader makes of a text, and how often it warned. */
function read<T>(reader: (raw: string | undefined, warn: () => void) => T, raw: string | undefined): [T, number] {
  let warnings = 0
  const value = reader(raw, () => {
    warnings += 1
  })
  return [value, warnings]
}

test('texts are trimmed, with single blanks; nothing is null', () => {
  expect(['  a \n\t b\u00a0c ', 'a b', 'ä', ' ', '', undefined].map(normaliseText)).toEqual([
    'a b c',
    'a b',
    'ä',
    null,
    null,
    null,
  ])
})

test('dates are read in three forms; what no calendar has is null, with a warning', () => {
  for (const text of ['03/06/2026', '3/6/2026', ' 2026-03-06 ', '20260306'])
    expect(read(normaliseDate, text)).toEqual(['2026-03-06', 0])
  for (const text of ['', ' ', undefined]) expect(read(normaliseDate, text)).toEqual([null, 0])
  for (const text of [
    '02/29/2026',
    '13/01/2026',
    '00/00/0000',
    '2026-3-6',
    '260306',
    '03/06/26',
    '03/06/2026 10:00',
    'soon',
  ])
    expect(read(normaliseDate, text), text).toEqual([null, 1])
})

test('amounts and lengths are the number that a text starts with, in whole units', () => {
  const cases: [string, number | null, number][] = [
    ['1500', 1500, 0],
    ['$1,500.75', 1500, 0],
    ['12 months', 12, 0],
    ['$ 0', 0, 0],
    ['1234,567', 1234, 0],
    ['', null, 0],
    ['none', null, 1],
    ['-5', null, 1],
    ['99999999999999999999', null, 1],
  ]
  for (const [text, number, warnings] of cases) expect(read(normaliseNumber, text), text).toEqual([number, warnings])
})

test('company numbers have five digits, states two capitals; other texts stay', () => {
  expect(['740', '24740', '123456', 'A1', ''].map(normaliseCoCode)).toEqual(['00740', '24740', '123456', 'A1', null])
  expect(['co', ' CO', 'Colorado', ''].map(normaliseState)).toEqual(['CO', 'CO', 'Colorado', null])
})

test('a line of authority has every category that its name speaks of', () => {
  const cases: [string | null, string[]][] = [
    ['Property', ['property']],
    ['PROPERTY & CASUALTY', ['property', 'casualty']],
    ['Accident & Health or Sickness', ['health']],
    ['Disability', ['health']],
    ['Life, incl. Variable Annuity', ['life', 'variable']],
    ['General Liability', ['casualty']],
    ['Personal Lines', ['personal']],
    ['Credit Life', ['life', 'credit']],
    ['Bail Bonds', ['surety']],
    ['Surety', ['surety']],
    ['Travel', ['travel']],
    ['Crop', ['crop']],
    ['Title', ['title']],
    ['Surplus Lines', ['surplus_lines']],
    ['Motor Club', ['other']],
    ['Lifestyle', ['other']],
    [null, ['other']],
  ]
  for (const [name, categories] of cases) expect(loaCategories(name), String(name)).toEqual(categories)
})

test('renewal periods follow from the expiry, and from the state rule where there is one', () => {
  const none = { renewal: null, lateRenewal: null, reinstatement: null }
  expect(renewalPeriods({ expirationDate: null, perpetual: true })).toEqual({ renewalType: 'PERPETUAL', ...none })
  expect(renewalPeriods({ expirationDate: null, perpetual: false })).toEqual({
    renewalType: 'NO_RENEWAL_INFORMATION_AVAILABLE',
    ...none,
  })
  const license = { expirationDate: day('2027-05-31'), perpetual: false }
  const required = { renewalType: 'RENEWAL_REQUIRED', renewal: { startDate: '2027-03-02', endDate: '2027-05-31' } }
  expect(renewalPeriods(license)).toEqual({ ...required, lateRenewal: null, reinstatement: null })
  expect(renewalPeriods(license, { lateRenewalDays: 30, reinstatementDays: 365 })).toEqual({
    ...required,
    lateRenewal: { startDate: '2027-06-01', endDate: '2027-06-30' },
    reinstatement: { startDate: '2027-07-01', endDate: '2028-06-29' },
  })
})
