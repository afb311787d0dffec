import { expect, test } from 'vitest'
import { ApiError } from '#src/api/request.ts'
import { explain } from './notice.tsx'

test.each([
  [404, 'Entity not found', 'Not found'],
  [403, 'This token does not allow this operation.', 'Not allowed'],
  [500, 'Internal server error', 'The service failed'],
  [409, 'A job that changes the population is under way.', 'A job that changes the population is under way.'],
])('a refusal with %i and “%s” is titled “%s”', (status, detail, title) => {
  expect(explain(new ApiError({ status, code: 'any', detail })).title).toBe(title)
})
