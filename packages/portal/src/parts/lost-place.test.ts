import { expect, test } from 'vitest'
import { ApiError } from '#src/api/request.ts'
import { isOfPlace } from './lost-place.ts'

test('portal 3: a place in a list that the service does not take is told from other refusals', () => {
  const refused = (detail: string, loc: string[]) =>
    new ApiError({ status: 422, code: 'x', detail, faults: loc.length > 0 ? [{ loc, msg: 'no' }] : [] })
  expect(isOfPlace(refused('x', ['query', 'iterator']))).toBe(true)
  expect(isOfPlace(refused('continuationToken: is none that a list has answered with', []))).toBe(true)
  expect(isOfPlace(refused('state: no', ['query', 'state']))).toBe(false)
  expect(isOfPlace(new Error('iterator'))).toBe(false)
})
