import { expect, test } from 'vitest'
import { verdictOf } from './verdict.ts'

test.each([
  [204, 401, 400, 'verifies'],
  [200, 401, 202, 'takes_old_requests'],
  [200, 500, 401, 'refuses_by_crashing'],
  [200, 200, 401, 'accepts_unsigned'],
  [401, 401, 200, 'refuses_valid'],
  [400, 403, 401, 'refuses_valid'],
  [404, 404, 404, 'could_not_check'],
  [429, 429, 429, 'could_not_check'],
  [500, 401, 401, 'could_not_check'],
  [0, 0, 0, 'could_not_check'],
  [200, 0, 401, 'could_not_check'],
  [200, 401, 500, 'could_not_check'],
  [301, 401, 401, 'could_not_check'],
] as const)('S10.5: good %i, wrong %i, old %i: %s', (good, wrong, old, verdict) => {
  expect(verdictOf({ good, wrong, old })).toBe(verdict)
})
