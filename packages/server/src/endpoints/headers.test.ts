import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { headerFaults, mergeHeaders, showHeaders } from './headers.ts'

const refused =
  `host connection keep-alive upgrade te trailer trailers transfer-encoding expect content-length content-type
  content-encoding content-language content-location accept-encoding cookie user-agent forwarded age cache-control
  clear-site-data expires pragma warning webhook-id webhook- svix-signature x-svix-a proxy-authorization x-forwarded-for
  x-amz-date x-amzn-trace-id x-aws-a x-goog-a x-google x-google-a x-gfe x-azure-fdid x-fd-healthprobe metadata-flavor`.split(
    /\s+/,
  )

const withheld = ['authorization', 'x-api-key', 'x-auth-token', 'www-authenticate']

test.each(refused)('50: %s is refused in any letter case', (name) => {
  for (const spelling of [name, name.toUpperCase(), name.replace(/^./, (first) => first.toUpperCase())]) {
    expect(headerFaults(new Map([[spelling, 'value']]))).toEqual([
      { loc: ['body', 'headers', spelling], msg: 'reserved', type: 'value_error' },
    ])
  }
})

test.each([
  'x-api-key',
  'authorization',
  'accept',
  'x-tenant',
  'hosting',
  'teams',
  'x-amzing',
  'x-forwarded',
  'webhooks',
])('50: %s, the neighbour of a refused name, is taken', (name) => {
  expect(headerFaults(new Map([[name, 'value']]))).toEqual([])
})

describe('a header line can hold nothing that ends it or starts another', () => {
  test.each([
    ['a line break', 'a\r\nhost: b'],
    ['a line feed', 'a\nb'],
    ['a NUL', 'a\0b'],
    ['a delete', 'a\x7fb'],
    ['a letter outside ASCII', 'é'],
    ['a blank before', ' a'],
    ['a blank behind', 'a\t'],
    ['only a blank', ' '],
    ['4,097 bytes', 'a'.repeat(4097)],
  ])('value: %s', (_, value) => {
    expect(headerFaults(new Map([['x-a', value]]))).toHaveLength(1)
  })

  test.each([
    ['nothing', ''],
    ['one', 'a'],
    ['blanks within', 'a \t b'],
    ['4,096 bytes', 'a'.repeat(4096)],
  ])('value taken: %s', (_, value) => {
    expect(headerFaults(new Map([['x-a', value]]))).toEqual([])
  })

  test.each(['', 'a b', 'a:', 'ä', 'x_a', 'a'.repeat(65), '__proto__'])('name: %j', (name) => {
    expect(headerFaults(new Map([[name, 'value']]))).toHaveLength(1)
  })

  test('any text: what is taken is one header', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (name, value) => {
        if (headerFaults(new Map([[name, value]])).length > 0) return
        const [sent] = new Headers([[name, value]])
        expect(sent).toEqual([name.toLowerCase(), value])
      }),
    )
  })
})

test('20 headers are taken and 21 refused, and 16 KiB in all', () => {
  const faultsOf = (headers: Record<string, string>) => headerFaults(new Map(Object.entries(headers)))
  const numbered = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`x-${n}`, 'v']))
  expect(faultsOf(numbered(20))).toEqual([])
  expect(faultsOf(numbered(21))).toMatchObject([{ loc: ['body', 'headers'] }])
  const full = { 'x-1': 'a'.repeat(4093), 'x-2': 'a'.repeat(4093), 'x-3': 'a'.repeat(4093), 'x-4': 'a'.repeat(4093) }
  expect(faultsOf(full)).toEqual([])
  expect(faultsOf({ ...full, y: '' })).toMatchObject([{ loc: ['body', 'headers'] }])
})

test('every fault is named at once, and none holds a value', () => {
  const headers = { Host: 'canary-value', 'x-a': 'canary-value ', 'X-B': 'canary-value', 'x-b': 'canary-value' }
  const faults = headerFaults(new Map(Object.entries(headers)))
  expect(faults.map((fault) => fault.loc.at(-1))).toEqual(['Host', 'x-a', 'x-b'])
  expect(JSON.stringify(faults)).not.toContain('canary-value')
})

test.each(withheld)('50: the value of %s is never shown, in any letter case', (name) => {
  const spelling = name.toUpperCase()
  expect(
    showHeaders(
      new Map([
        [spelling, 'canary-value'],
        ['X-Shown', 'value'],
      ]),
    ),
  ).toEqual({
    headers: { 'X-Shown': 'value' },
    sensitive: [spelling],
  })
})

describe('a merge', () => {
  const current = new Map([
    ['X-Kept', '1'],
    ['X-Changed', '2'],
    ['X-Nulled', '3'],
    ['X-Deleted', '4'],
  ])

  test('50: replaces, adds, and removes by null and by deleteHeaders, whatever the letter case', () => {
    const changes = { 'x-changed': 'two', 'x-nulled': null, 'X-New': '5' }
    expect([...mergeHeaders(current, changes, ['x-DELETED', 'x-unknown'])]).toEqual([
      ['X-Kept', '1'],
      ['x-changed', 'two'],
      ['X-New', '5'],
    ])
  })

  test('refuses a name that is both changed and deleted, or given twice', () => {
    expect(() => mergeHeaders(current, { 'x-new': '1' }, ['X-New'])).toThrow('also in deleteHeaders')
    expect(() => mergeHeaders(current, { 'x-new': '1', 'X-NEW': '2' }, [])).toThrow('given twice')
  })

  test('counts what is there already', () => {
    const changes = Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`x-${n}`, 'v']))
    expect(() => mergeHeaders(current, changes, [])).toThrow('more than 20')
    expect(mergeHeaders(current, changes, ['x-kept']).size).toBe(20)
  })
})
