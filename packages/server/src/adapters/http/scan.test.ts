import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { DomainError } from '#src/domain-error.ts'
import { cpuMs } from '../../../test/http-kernel.ts'
import { bytesOf, JSON_LIMITS, type JsonLimits, memberOf, parseMembers, parseWhole, scanJson } from './scan.ts'

/** What the scanner says of a text: `ok`, or the type of its fault. */
function verdict(text: string | Buffer, limits: Partial<JsonLimits> = {}): string {
  try {
    scanJson(Buffer.from(text), { ...JSON_LIMITS, ...limits })
    return 'ok'
  } catch (error) {
    assert.ok(error instanceof DomainError && error.code === 'invalid_input')
    return error.faults[0]?.type ?? ''
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

describe('what is JSON', () => {
  const json = fc.oneof(
    fc.json({ maxDepth: 6 }),
    fc.jsonValue({ stringUnit: 'binary' }).map((value) => JSON.stringify(value, null, 1)),
  )
  const noise = fc.constantFrom(
    '',
    ' ',
    '\n',
    '\t',
    '\r',
    '\f',
    '\u00a0',
    '\ufeff',
    ',',
    ':',
    '[',
    ']',
    '{',
    '}',
    '"',
    '\\',
    '\\u',
    '\\uD800',
    '\\x',
    '\0',
    '-',
    '+',
    '.',
    'e',
    'E5',
    '0',
    '1',
    '00',
    '1.',
    '.5',
    '-0',
    '1e+',
    'true',
    'nul',
    'NaN',
    'Infinity',
    '//',
    '/**/',
    "'",
    'é',
    '\u2028',
    '"a":1',
    ',"a":2',
  )
  const noisy = fc
    .tuple(json, fc.array(fc.tuple(fc.nat(), fc.nat(3), noise), { maxLength: 3 }))
    .map(([text, edits]) =>
      edits.reduce((edited, [at, removed, added]) => {
        const from = at % (edited.length + 1)
        return edited.slice(0, from) + added + edited.slice(from + removed)
      }, text),
    )
    .filter((text) => text.isWellFormed())

  test('the scanner takes exactly what JSON.parse takes', () => {
    fc.assert(
      fc.property(noisy, (text) => {
        const found = verdict(text)
        // a name twice is refused before the rest is read
        fc.pre(found !== 'value_error.duplicate_key')
        assert.equal(found === 'ok', isJson(text), JSON.stringify(text))
      }),
      { numRuns: 3_000 },
    )
  })

  test('each member is cut out with its whole text, and parses to its value', () => {
    const object = fc.dictionary(fc.string({ unit: 'binary', maxLength: 60 }), fc.jsonValue({ stringUnit: 'binary' }))
    fc.assert(
      fc.property(object, fc.constantFrom(0, 1, '\t'), (value, indent) => {
        const text = JSON.stringify(value, null, indent)
        const scanned = scanJson(Buffer.from(text))
        const parsed = new Map<string, unknown>(Object.entries(JSON.parse(text)))
        assert.deepEqual(scanned.members.map(({ name }) => name).sort(), [...parsed.keys()].sort())
        for (const member of scanned.members) {
          assert.deepEqual(JSON.parse(bytesOf(scanned, member).toString()), parsed.get(member.name))
        }
        assert.deepEqual(new Map(Object.entries(parseMembers(scanned))), parsed)
        assert.deepEqual(parseWhole(scanned), JSON.parse(text))
      }),
      { numRuns: 500 },
    )
  })

  test.each([
    '{"a":[1,{"b":null}],"c":"\\u0041\\n\\/"}',
    ' [ ] ',
    '-0.5e-7',
    '1e400',
    '123456789012345678901234567890',
    '"\\ud800"',
    '"\\u0000"',
    '"\u2028\u007f"',
    '{"__proto__":{"constructor":{"prototype":1}}}',
    '{"p":{"a":1,"a":2}}',
  ])('%s is', (text) => assert.equal(verdict(text), 'ok'))

  test.each([
    '',
    ' ',
    '{',
    '}',
    '[1,]',
    '{"a":1,}',
    '{,}',
    '[,1]',
    '{"a"}',
    '{"a":}',
    '{a:1}',
    "{'a':1}",
    '{"a":1 "b":2}',
    '[1 2]',
    '1 2',
    '{}{}',
    '[1}',
    '{"a":1]',
    '01',
    '-',
    '-a',
    '1.',
    '.1',
    '1e',
    '1e+',
    '+1',
    '0x10',
    'NaN',
    'Infinity',
    'undefined',
    'tru',
    'truE',
    'nulll',
    'True',
    '"',
    '"\\',
    '"\\u12',
    '"\\u12g4"',
    '"\\a"',
    '"\t"',
    '"\n"',
    '"\u0000"',
    '// c\n1',
    '/* c */1',
    '1 // c',
    '\f1',
    '\u00a01',
    '\ufeff{}',
    '[\u2028]',
    '\0',
    '{"a":1',
    '[[[',
    '{"a":[',
    '{"',
    '{"a',
    '{"a":"b',
  ])('%j is not', (text) => assert.equal(verdict(text), 'value_error.jsondecode'))

  test.each([
    ['a lone continuation byte', [0x22, 0x80, 0x22]],
    ['an overlong form', [0x22, 0xc0, 0xaf, 0x22]],
    ['a surrogate', [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ['beyond U+10FFFF', [0x22, 0xf4, 0x90, 0x80, 0x80, 0x22]],
    ['a character cut off', [0x22, 0xe2, 0x82, 0x22]],
    ['UTF-16', [...Buffer.from('{}', 'utf16le')]],
  ])('bytes that are not UTF-8 are not: %s', (_, bytes) => {
    assert.equal(verdict(Buffer.from(bytes)), 'value_error.jsondecode')
  })
})

describe('limits: what is within is taken, one more is refused', () => {
  const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)
  const keyed = (count: number) =>
    `{"p":${JSON.stringify(Object.fromEntries(Array.from({ length: count - 1 }, (_, index) => [`k${index}`, 0])))}}`

  test.each([
    ['depth', nested(64), nested(65), 'value_error.too_deep'],
    ['keys', keyed(10_000), keyed(10_001), 'value_error.too_many_keys'],
    [
      'top-level keys',
      `{${Array.from({ length: 10_000 }, (_, i) => `"${i}":0`).join()}}`,
      `{${Array.from({ length: 10_001 }, (_, i) => `"${i}":0`).join()}}`,
      'value_error.too_many_keys',
    ],
    ['key length', `{"p":{"${'k'.repeat(256)}":0}}`, `{"p":{"${'k'.repeat(257)}":0}}`, 'value_error.key_too_long'],
    ['key length in bytes', `{"${'é'.repeat(128)}":0}`, `{"${'é'.repeat(129)}":0}`, 'value_error.key_too_long'],
    [
      'key length, escapes resolved',
      `{"${'\\u006b'.repeat(256)}":0}`,
      `{"${'\\u006b'.repeat(257)}":0}`,
      'value_error.key_too_long',
    ],
    ['string length', `["${'s'.repeat(65_536)}"]`, `["${'s'.repeat(65_537)}"]`, 'value_error.string_too_long'],
    [
      'string length, escapes resolved',
      `["${'\\n'.repeat(65_536)}"]`,
      `["${'\\n'.repeat(65_537)}"]`,
      'value_error.string_too_long',
    ],
    [
      'string length, a pair of surrogates is four bytes',
      `["${'\\ud83d\\ude00'.repeat(16_384)}"]`,
      `["${'\\ud83d\\ude00'.repeat(16_384)}a"]`,
      'value_error.string_too_long',
    ],
    [
      'string length, a lone surrogate is three',
      `["${'\\ud83d'.repeat(21_845)}"]`,
      `["${'\\ud83d'.repeat(21_846)}"]`,
      'value_error.string_too_long',
    ],
  ])('%s', (_, within, beyond, type) => {
    assert.equal(verdict(within), 'ok')
    assert.equal(verdict(beyond), type)
  })

  test('a string at a named path may be as long as the body', () => {
    const long = 's'.repeat(200_000)
    const limits = { longStrings: ['specRaw', 'transformationsParams.rawPayload'] }
    assert.equal(verdict(`{"specRaw":"${long}"}`, limits), 'ok')
    assert.equal(verdict(`{"payload":{},"transformationsParams":{"headers":{},"rawPayload":"${long}"}}`, limits), 'ok')
    for (const text of [
      `{"payload":{"specRaw":"${long}"}}`,
      `{"rawPayload":"${long}"}`,
      `{"transformationsParams":[{"rawPayload":"${long}"}]}`,
      `{"transformationsParams":{"x":{"rawPayload":"${long}"}}}`,
    ]) {
      assert.equal(verdict(text, limits), 'value_error.string_too_long')
    }
  })

  test.each([
    ['opening brackets', '['.repeat(1 << 20)],
    ['objects', '{"a":'.repeat(200_000)],
    ['commas', `[${','.repeat(1 << 20)}`],
    ['backslashes', `"${'\\\\'.repeat(1 << 19)}"`],
    ['an endless string', `"${'x'.repeat(1 << 20)}`],
    ['digits', '9'.repeat(1 << 20)],
    ['blanks', ' '.repeat(1 << 20)],
    ['top-level keys of one hash bucket or not', `{${Array.from({ length: 100_000 }, (_, i) => `"${i}":0`).join()}}`],
    ['numbers', `[${Array.from({ length: 400_000 }, () => '1').join()}]`],
  ])('a hostile text is judged in 50 ms: 1 MiB of %s', (_, text) => {
    const bytes = Buffer.from(text)
    const quickest = Math.min(...[1, 2, 3].map(() => cpuMs(() => verdict(bytes))))
    assert.ok(quickest < 50, `${quickest} ms`)
  })
})

describe('members', () => {
  test('a name twice at the top level is refused, however it is spelt', () => {
    assert.equal(verdict('{"a":1,"b":2,"a":3}'), 'value_error.duplicate_key')
    assert.equal(verdict('{"a":1,"\\u0061":3}'), 'value_error.duplicate_key')
    const many = Array.from({ length: 40 }, (_, index) => `"k${index}":0`)
    assert.equal(verdict(`{${many.join()}}`), 'ok')
    for (const name of ['k0', 'k15', 'k16', 'k17', 'k39']) {
      assert.equal(verdict(`{${many.join()},"${name}":1}`), 'value_error.duplicate_key', name)
    }
  })

  test('duplicate keys further in are kept in the bytes, and refused where the value is read', () => {
    const scanned = scanJson(Buffer.from('{"payload":{"a":1,"a":2},"metadata":{"k":"1","k":"2"},"n":1}'))
    const payload = memberOf(scanned, 'payload')
    assert.ok(payload)
    assert.equal(bytesOf(scanned, payload).toString(), '{"a":1,"a":2}')
    assert.deepEqual({ ...parseMembers(scanned, new Set(['n'])) }, { n: 1 })
    assert.throws(() => parseMembers(scanned, new Set(['metadata'])), { code: 'invalid_input' })
    assert.throws(() => parseMembers(scanned), { code: 'invalid_input' })
  })

  test('a value is cut without the blanks around it and with those in it', () => {
    const scanned = scanJson(Buffer.from('{ "payload" :\n\t{ "n" : 1.0 , "é":-0 }\r\n, "b": "\\u0000" }'))
    assert.deepEqual(
      scanned.members.map((member) => [member.name, bytesOf(scanned, member).toString()]),
      [
        ['payload', '{ "n" : 1.0 , "é":-0 }'],
        ['b', '"\\u0000"'],
      ],
    )
  })

  test('special names are members like any other, and reach no prototype', () => {
    const text = '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"toString":1}'
    const values = parseMembers(scanJson(Buffer.from(text)))
    assert.equal(Object.getPrototypeOf(values), null)
    assert.deepEqual(Object.keys(values), ['__proto__', 'constructor', 'toString'])
    assert.equal(Reflect.get({}, 'polluted'), undefined)
  })

  test('the elements of the named array are reported, and of no other', () => {
    const text = '{"other":[[1]],"messages":[ {"a":[1,2]} , {"b":{"messages":[3]}},4 ],"after":[5]}'
    const scanned = scanJson(Buffer.from(text), { ...JSON_LIMITS, itemsOf: 'messages' })
    assert.deepEqual(
      scanned.items.map((item) => bytesOf(scanned, item).toString()),
      ['{"a":[1,2]}', '{"b":{"messages":[3]}}', '4'],
    )
    assert.deepEqual(scanJson(Buffer.from('{"messages":{}}'), { ...JSON_LIMITS, itemsOf: 'messages' }).items, [])
    assert.deepEqual(scanJson(Buffer.from('[[1],[2]]'), { ...JSON_LIMITS, itemsOf: '' }).items, [])
  })
})
