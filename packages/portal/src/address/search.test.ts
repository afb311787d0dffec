import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  instantOf,
  oneOf,
  parseSearch,
  readShared,
  type Shared,
  someOf,
  stringifySearch,
  writeShared,
} from './search.ts'

const word = fc.stringMatching(/^[a-z_]{1,12}$/)
const words = fc.uniqueArray(word, { minLength: 1, maxLength: 4 })
const moment = fc.oneof(
  fc.constantFrom('-15m', '-24h', '-30d'),
  fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true }).map((date) => date.toISOString()),
)
const shared = fc.record(
  {
    state: words,
    type: words,
    endpoint: words,
    npn: fc.stringMatching(/^[1-9][0-9]{0,9}$/),
    q: fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme' }),
    from: moment,
    to: moment,
    cursor: fc.string({ minLength: 1, maxLength: 60 }),
  },
  { requiredKeys: [] },
)

test('what a screen shows is in its address, and comes back from there', () => {
  fc.assert(
    fc.property(shared, (values: Shared) => {
      const address = stringifySearch(writeShared(values))
      expect(readShared(parseSearch(address))).toEqual({ values, faults: [] })
    }),
  )
})

test('parameters of others are kept, also strange ones', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ minLength: 1 }), fc.string({ minLength: 1 })), (others) => {
      const { __proto__: _, ...kept } = others
      expect({ ...parseSearch(stringifySearch(kept)) }).toEqual({ ...kept })
    }),
  )
})

test('a value that says nothing is left out, and named', () => {
  expect(readShared(parseSearch('?from=yesterday&npn=12a&state=failed'))).toEqual({
    values: { state: ['failed'] },
    faults: ['npn', 'from'],
  })
})

test('portal 3: so is a word that means nothing on this screen, also of a parameter of its own', () => {
  const known = { state: someOf(['retrying', 'exhausted']), tab: oneOf(['overview', 'secrets']) }
  expect(readShared(parseSearch('?state=retrying,failed&tab=nothing&q=x'), known)).toEqual({
    values: { q: 'x' },
    faults: ['state', 'tab'],
  })
  expect(readShared(parseSearch('?state=retrying&tab=secrets&other=1'), known).faults).toEqual([])
})

test('a relative range stays relative; an instant is one whatever the time', () => {
  const now = new Date('2026-03-08T12:00:00Z')
  expect(instantOf('-24h', now)).toEqual(new Date('2026-03-07T12:00:00Z'))
  expect(instantOf('2026-03-08T06:30:00Z', now)).toEqual(new Date('2026-03-08T06:30:00Z'))
})
