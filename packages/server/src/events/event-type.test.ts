import { describe, expect, test } from 'vitest'
import { exampleOf, isEventTypeName, schemaFaults } from './event-type.ts'

test.each(['a', 'producersync.npn.activated', 'A_b-c.1', 'a'.repeat(256), '.'])('%s is a name', (name) => {
  expect(isEventTypeName(name)).toBe(true)
})

test.each(['', '-a', 'a b', 'a/b', 'ä', 'a\n', 'a\0', 'a'.repeat(257)])('%j is no name', (name) => {
  expect(isEventTypeName(name)).toBe(false)
})

describe('49: the example', () => {
  test.each<[string, string | null, number, string | null]>([
    ['of a type without schemas', null, 0, null],
    ['of a schema without one', '{"1": {"type": "object"}}', 0, null],
    ['that is `example`', '{"1": {"example": {"a": 1}}}', 0, '{"a": 1}'],
    ['that is the first of `examples`', '{"1": {"examples": [{"a": 1}, {"a": 2}]}}', 0, '{"a": 1}'],
    ['chosen by its index', '{"1": {"examples": [{"a": 1}, {"a": 2}]}}', 1, '{"a": 2}'],
    ['beyond the last', '{"1": {"examples": [{"a": 1}]}}', 1, null],
    ['beyond `example`', '{"1": {"example": {"a": 1}}}', 1, null],
    ['that is no object', '{"1": {"examples": [7]}}', 0, null],
    ['of version 10 rather than 9', '{"9": {"example": {"v": 9}}, "10": {"example": {"v": 10}}}', 0, '{"v": 10}'],
    ['of version 10 only, though 9 has one', '{"9": {"example": {"v": 9}}, "10": {}}', 0, null],
    [
      'with its spelling kept',
      '{"1": {"example": { "a":1.0,"b": 12345678901234567890 } }}',
      0,
      '{ "a":1.0,"b": 12345678901234567890 }',
    ],
    ['in a schema called __proto__', '{"__proto__": {"example": {"a": 1}}}', 0, '{"a": 1}'],
  ])('%s', (_, schemas, index, text) => {
    expect(exampleOf(schemas, index)).toEqual(text === null ? { found: false } : { found: true, text })
  })
})

describe('schemas', () => {
  test.each<[string, unknown]>([
    ['an empty one', {}],
    ['without a dialect', { type: 'object', properties: { a: { type: 'string', pattern: '^a$' } } }],
    ['of 2020-12', { $schema: 'https://json-schema.org/draft/2020-12/schema', prefixItems: [{ type: 'string' }] }],
    ['of draft 7', { $schema: 'http://json-schema.org/draft-07/schema#', definitions: { a: { type: 'null' } } }],
    ['with a remote reference, never fetched', { $ref: 'https://unreachable.invalid/schema.json' }],
    ['with a dangling local reference', { $ref: '#/$defs/missing' }],
    ['with unknown keywords and formats', { 'x-a': 1, format: 'npn' }],
  ])('%s is taken', (_, schema) => {
    expect(schemaFaults({ 1: schema })).toEqual([])
  })

  test.each<[string, unknown]>([
    ['a text', 'object'],
    ['an array', []],
    ['true', true],
    ['an unknown type', { type: 'objet' }],
    ['an unknown type within', { properties: { a: { type: 'strin' } } }],
    ['a wrong keyword value', { required: 'a' }],
    ['an unknown dialect', { $schema: 'https://unreachable.invalid/dialect' }],
    ['a dialect that is no text', { $schema: 7 }],
  ])('%s is refused, naming its version', (_, schema) => {
    expect(schemaFaults({ 1: {}, 2: schema })).toMatchObject([{ loc: ['body', 'schemas', '2'], type: 'value_error' }])
  })
})
