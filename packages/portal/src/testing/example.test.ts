import type { EventType } from '@producersync/server/contract'
import { expect, test } from 'vitest'
import { bodyFault, exampleOf } from './example.ts'

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
