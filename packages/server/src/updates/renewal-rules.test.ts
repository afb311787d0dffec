import { expect, test } from 'vitest'
import { day, producer } from '../../test/feed-world.ts'
import { parseRenewalRules } from './renewal-rules.ts'
import { recordsOf } from './reported-records.ts'

test('rules of states are read: days of late renewal, and of reinstatement after those', () => {
  expect(parseRenewalRules('CO=30+365, TX=90')).toEqual({
    CO: { lateRenewalDays: 30, reinstatementDays: 365 },
    TX: { lateRenewalDays: 90, reinstatementDays: 0 },
  })
  expect(parseRenewalRules('')).toEqual({})
  for (const bad of ['CO', 'co=30', 'COL=30', 'CO=30+', 'CO=-1', 'CO=3661', 'CO=1+3661', 'CO=1,CO=2', 'CO=1;TX=2'])
    expect(() => parseRenewalRules(bad), bad).toThrow(/such as CO=30\+365|two rules/)
})

test('a rule changes the licenses of its state alone, and is a change of their content', () => {
  const report = producer('2000001', { states: ['CO', 'TX'] }) // both expire on 2027-05-31
  const licenses = (text: string) => recordsOf(report, parseRenewalRules(text)).filter(({ kind }) => kind === 'license')
  const [co, tx] = licenses('CO=30+10')
  const none = { lateRenewalFrom: null, lateRenewalUntil: null, reinstatementFrom: null, reinstatementUntil: null }
  expect(co?.fields).toMatchObject({
    renewalUntil: day('2027-05-31'),
    lateRenewalFrom: day('2027-06-01'),
    lateRenewalUntil: day('2027-06-30'),
    reinstatementFrom: day('2027-07-01'),
    reinstatementUntil: day('2027-07-10'),
  })
  expect(tx?.fields).toMatchObject(none)
  const [coWithout, txWithout] = licenses('')
  expect(co?.contentHash).not.toBe(coWithout?.contentHash)
  expect(tx?.contentHash).toBe(txWithout?.contentHash)
})
