import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Filters } from './filters.ts'
import { parseToken, toToken } from './position.ts'

const path = '/v2/licenses'
const anyPosition = fc.record({
  npn: fc.integer({ min: 1, max: 9_999_999_999 }),
  id: fc.oneof(fc.maxSafeNat(), fc.constantFrom(1, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER)),
})

describe('a continuation token', () => {
  test('holds any position in at most 64 URL-safe characters', () => {
    fc.assert(
      fc.property(anyPosition, (position) => {
        const token = toToken(position, { path, filters: {} })
        expect(token).toMatch(/^[\w-]{1,64}$/)
        expect(parseToken(token, { path, filters: {} })).toEqual(position)
      }),
    )
  })

  test('0 stands for the start of every list', () => {
    expect(parseToken('0', { path, filters: { states: ['CO'] } })).toBeUndefined()
  })

  const filters: Filters = { states: ['CO', 'NY'], updatedSince: '2026-03-06', loaCodes: ['12'] }
  const token = toToken({ npn: 15645555, id: 967373 }, { path, filters })

  test.each<[string, { path: string; filters: Filters }]>([
    ['another path', { path: '/v2/licenseLoas', filters }],
    ['a filter less', { path, filters: { states: ['CO', 'NY'], updatedSince: '2026-03-06' } }],
    ['a filter more', { path, filters: { ...filters, active: true } }],
    ['another value', { path, filters: { ...filters, updatedSince: '2026-03-05' } }],
    ['a value less', { path, filters: { ...filters, states: ['CO'] } }],
    ['without the deleted', { path, filters: { ...filters, includeDeleted: false } }],
    [
      'values of another name',
      { path, filters: { states: ['CO', 'NY'], updatedSince: '2026-03-06', coCodes: ['12'] } },
    ],
  ])('rule 26: is refused by a list of %s', (_difference, list) => {
    expect(() => parseToken(token, list)).toThrow('continuationToken: belongs to another path or to other filters')
  })

  test.each<[string, Filters]>([
    ['values in another order', { ...filters, states: ['NY', 'CO'] }],
    ['a value twice', { ...filters, states: ['CO', 'NY', 'CO'] }],
    ['names in another order', { loaCodes: ['12'], updatedSince: '2026-03-06', states: ['CO', 'NY'] }],
    ['a default in words', { ...filters, includeDeleted: true }],
  ])('is taken with %s: the same records', (_difference, same) => {
    expect(parseToken(token, { path, filters: same })).toEqual({ npn: 15645555, id: 967373 })
  })

  test('is refused in any other spelling, and when a character of it has changed', () => {
    const list = { path, filters }
    for (const other of ['', '00', '1', `${token}A`, token.slice(1), `${token}=`, token.toLowerCase(), ' 0']) {
      expect(() => parseToken(other, list)).toThrow('continuationToken: ')
    }
    for (const changed of ['A', 'B', '-', '_']) {
      const last = token.at(-1)
      if (last !== changed) expect(() => parseToken(token.slice(0, -1) + changed, list)).toThrow('continuationToken: ')
    }
  })
})
