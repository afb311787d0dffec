import { expect, test } from 'vitest'
import { bodyOf, type Draft, EMPTY_DRAFT, faultsOf, toHeaders } from './draft.ts'

const WHOLE: Draft = { ...EMPTY_DRAFT, url: 'https://hooks.example/in', scope: 'all' }
const production = { isSandbox: false }

test('choosing nothing is not "all"', () => {
  expect(faultsOf({ ...WHOLE, scope: null }, production)).toEqual({ types: 'types' })
  expect(faultsOf({ ...WHOLE, scope: 'chosen' }, production)).toEqual({ types: 'types' })
  expect(faultsOf(WHOLE, production)).toEqual({})
  expect(bodyOf(WHOLE).eventTypes).toBeNull()
  expect(bodyOf({ ...WHOLE, scope: 'chosen', types: ['a.b'] }).eventTypes).toEqual(['a.b'])
})

test('names of other scripts are saved as they are sent', () => {
  expect(bodyOf({ ...WHOLE, url: ' https://münchen.example/in ' }).url).toBe('https://xn--mnchen-3ya.example/in')
})

test.each<[Partial<Draft>, object]>([
  [{ throttleRate: '1.5' }, { throttleRate: 'whole_number' }],
  [{ throttleRate: '0' }, { throttleRate: 'whole_number' }],
  [{ maxConcurrency: '257' }, { maxConcurrency: 'whole_number' }],
  [{ timeoutSeconds: '31' }, { timeoutSeconds: 'timeout' }],
  [{ timeoutSeconds: 'x' }, { timeoutSeconds: 'timeout' }],
  [{ schedule: '5, x' }, { schedule: 'schedule' }],
  [{ schedule: '5, 300, 86400' }, {}],
  [{ headers: 'no colon' }, { headers: 'headers' }],
])('%j has the faults %j', (change, faults) => {
  expect(faultsOf({ ...WHOLE, ...change }, production)).toEqual(faults)
})

test('empty fields leave it to the environment', () => {
  expect(bodyOf(WHOLE)).toMatchObject({
    throttleRate: null,
    maxConcurrency: null,
    timeoutMs: null,
    retrySchedule: null,
    channels: null,
  })
  expect(bodyOf({ ...WHOLE, schedule: '5, 300', timeoutSeconds: '2.5', channels: 'a b' })).toMatchObject({
    retrySchedule: [5, 300],
    timeoutMs: 2_500,
    channels: ['a', 'b'],
  })
})

test('headers are lines of name and value', () => {
  expect(toHeaders('Authorization: Bearer x:y\n\n X-A : 1 ')).toEqual({ Authorization: 'Bearer x:y', 'X-A': '1' })
  expect(toHeaders('X Y: 1')).toBeNull()
})
