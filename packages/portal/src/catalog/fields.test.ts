import type { EventType } from '@producersync/server/contract'
import { expect, test } from 'vitest'
import { changesOf, fieldsOf, matches } from './fields.ts'

const schema = {
  type: 'object',
  required: ['id', 'data'],
  properties: {
    id: { type: 'string', description: 'The id.' },
    type: { type: 'string', const: 'a.b' },
    at: { type: ['string', 'null'], format: 'date-time' },
    data: { type: 'object', required: ['npn'], properties: { npn: { type: 'string' }, kinds: { enum: ['x', 'y'] } } },
  },
}

test('the fields of a body come by path, parents first', () => {
  expect(fieldsOf(schema).map(({ path, type, isRequired }) => [path, type, isRequired])).toEqual([
    ['id', 'string', true],
    ['type', '"a.b"', false],
    ['at', 'string | null, date-time', false],
    ['data', 'object', true],
    ['data.npn', 'string', true],
    ['data.kinds', '"x" | "y"', false],
  ])
})

test('a schema that contains itself comes to an end, and nonsense has no fields', () => {
  const endless: Record<string, unknown> = { properties: {} }
  endless.properties = { self: endless }
  expect(fieldsOf(endless).length).toBeLessThan(20)
  for (const nonsense of [null, 7, [], { properties: { a: 1 } }]) expect(fieldsOf(nonsense)).toEqual([])
})

test('search finds names of fields', () => {
  const type = { name: 'a.b', description: 'Something', schemas: { 1: schema } } as unknown as EventType
  expect(['NPN', 'someth', 'a.B', ''].map((words) => matches(type, words))).toEqual([true, true, true, true])
  expect(matches(type, 'licence')).toBe(false)
})

test('S9: what a version has changed is said by field: added, of another kind, gone', () => {
  const { at: _, ...kept } = schema.properties
  const next = {
    ...schema,
    required: ['id'],
    properties: { ...kept, id: { type: 'integer' }, more: { type: 'string' } },
  }
  expect(changesOf(schema, next)).toEqual([
    { path: 'id', change: 'changed' },
    { path: 'data', change: 'changed' },
    { path: 'more', change: 'added' },
    { path: 'at', change: 'removed' },
  ])
  expect(changesOf(schema, schema)).toEqual([])
})
