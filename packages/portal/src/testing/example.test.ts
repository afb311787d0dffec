import type { EventType } from '@producersync/server/contract'
import { expect, test } from 'vitest'
import { ApiError } from '#src/api/request.ts'
import { bodyFault, bodyRefusal, exampleOf } from './example.ts'

test('the example is that of the newest version', () => {
  const schemas = { 2: { examples: [{ v: 2 }] }, 10: { examples: [{ v: 10 }] }, 1: {} }
  expect(exampleOf({ schemas } as unknown as EventType)).toBe('{\n  "v": 10\n}')
  expect(exampleOf({ schemas: null } as EventType)).toBe('')
})

test('an edited body has to be a JSON object; else it says where it is not', () => {
  expect(bodyFault('{"a": 1}')).toBeNull()
  expect(bodyFault('{\n  "a": 1,\n  x\n}')).toEqual({ line: 3, column: 3 })
  expect(bodyFault('[1]')).toEqual({ line: 1, column: 1 })
})

test('S10: what the service refuses in a body is said with its line and pointer', () => {
  const refused = (loc: (string | number)[]) =>
    new ApiError({ status: 422, code: 'invalid_input', detail: 'no', faults: [{ loc, msg: 'must be string' }] })
  const body = '{\n  "data": {\n    "npn": 7\n  }\n}'
  expect(bodyRefusal(body, refused(['body', 'payload', 'data', 'npn']))).toEqual({
    line: 3,
    pointer: '/data/npn',
    msg: 'must be string',
  })
  expect(bodyRefusal(body, refused(['body', 'payload']))).toMatchObject({ line: 1, pointer: '' })
  expect([bodyRefusal(body, refused(['body', 'secret'])), bodyRefusal(body, new Error('no'))]).toEqual([null, null])
})
