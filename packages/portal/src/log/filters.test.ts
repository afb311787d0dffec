import { expect, test } from 'vitest'
import { filterWords } from './filter-words.ts'
import { toFilterBody, toPageQuery, toQuery } from './filters.ts'

const now = new Date('2026-11-29T15:00:42.123Z')

test('relative periods are instants to the minute, so that a list is the same question for a minute', () => {
  expect(toQuery({}, now).from).toBe('2026-11-28T15:00:00.000Z')
  expect(toQuery({ from: '-15m' }, now).from).toBe('2026-11-29T14:45:00.000Z')
  expect(toQuery({ from: '2026-11-01T00:00:00Z', to: '-1h' }, now)).toMatchObject({
    from: '2026-11-01T00:00:00.000Z',
    to: '2026-11-29T14:00:00.000Z',
  })
})

test("an endpoint's tab shows that endpoint alone, whatever the address says", () => {
  expect(toQuery({ endpoint: ['ep_other'] }, now, 'ep_mine').endpoint).toEqual(['ep_mine'])
})

test('list, count, export and replay are of one filter: pages add to it, a replay names its endpoints beside it', () => {
  const query = toQuery({ state: ['exhausted'], endpoint: ['ep_1'], test: 'false', slow: 'true', cursor: 'x' }, now)
  expect(toPageQuery(query, { cursor: 'x' })).toEqual({ ...query, sort: undefined, limit: 50, iterator: 'x' })
  expect(toFilterBody(query)).toEqual({
    state: ['exhausted'],
    test: false,
    slow: true,
    from: '2026-11-28T15:00:00.000Z',
  })
})

test('a filter is said in words, and none when there is none', () => {
  expect(filterWords({ from: '-24h' })).toBeUndefined()
  expect(filterWords({ state: ['retrying', 'exhausted'], class: ['http_busy'], npn: '15645555', slow: 'true' })).toBe(
    'Retrying or Exhausted, Your endpoint is busy, NPN 15645555, Slower than 3 s',
  )
  expect(filterWords({ code: ['503', '0'] })).toBe('Answer 503 or No answer')
  expect(filterWords({ trigger: ['schedule', 'resend'] })).toBe('Sent by schedule or by hand')
})
