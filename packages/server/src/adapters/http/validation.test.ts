import assert from 'node:assert/strict'
import type { FastifyRequest } from 'fastify'
import Type, { type TObject } from 'typebox'
import { describe, test } from 'vitest'
import { DomainError, type Fault } from '#src/domain-error.ts'
import { cpuMs } from '../../../test/http-kernel.ts'
import { type BodyOptions, ignoredFieldsHeader, readAliases, readBody } from './body.ts'
import { isCalendarDate, parseMoment } from './moment.ts'
import { readablePath } from './path.ts'
import { parseQuery, queryList, queryMoment, queryOf } from './query.ts'
import type { Family } from './request.ts'
import { scanJson } from './scan.ts'
import { listOf, momentText, nullable, oneOf, patternText, plainText } from './schema.ts'

function faults(read: () => unknown): readonly Fault[] {
  try {
    read()
    return []
  } catch (error) {
    assert.ok(error instanceof DomainError && error.code === 'invalid_input', String(error))
    return error.faults
  }
}

function body(schema: TObject, text: string, options?: BodyOptions): Record<string, unknown> {
  return readBody(scanJson(Buffer.from(text)), schema, options).value
}

describe('body', () => {
  const schema = Type.Object({
    name: plainText(5, 1),
    rate: Type.Optional(nullable(Type.Integer({ minimum: 1, maximum: 65_535 }))),
    on: Type.Optional(Type.Boolean()),
    uid: Type.Optional(patternText(/^[a-z]+$/, 'letters a to z')),
    order: Type.Optional(oneOf(['up', 'down'])),
    at: Type.Optional(momentText()),
    tags: Type.Optional(listOf(Type.String(), 2)),
    either: Type.Optional(
      Type.Union([Type.Object({ a: Type.String() }, { additionalProperties: false }), Type.Null()]),
    ),
    rows: Type.Optional(Type.Array(nullable(Type.Integer()))),
  })

  test.each([
    ['{}', ['body', 'name'], 'is required', 'value_error.missing'],
    [
      '{"name":null}',
      ['body', 'name'],
      'must be a string of 1 to 5 characters without control characters',
      'type_error',
    ],
    [
      '{"name":""}',
      ['body', 'name'],
      'must be a string of 1 to 5 characters without control characters',
      'value_error',
    ],
    [
      '{"name":"123456"}',
      ['body', 'name'],
      'must be a string of 1 to 5 characters without control characters',
      'value_error',
    ],
    [
      '{"name":"a\\u0007"}',
      ['body', 'name'],
      'must be a string of 1 to 5 characters without control characters',
      'value_error',
    ],
    ['{"name":"a","rate":"1"}', ['body', 'rate'], 'must be an integer from 1 to 65535 or null', 'value_error'],
    ['{"name":"a","rate":1.5}', ['body', 'rate'], 'must be an integer from 1 to 65535 or null', 'value_error'],
    ['{"name":"a","rate":0}', ['body', 'rate'], 'must be an integer from 1 to 65535 or null', 'value_error'],
    ['{"name":"a","rate":1e400}', ['body', 'rate'], 'must be an integer from 1 to 65535 or null', 'value_error'],
    ['{"name":"a","on":null}', ['body', 'on'], 'must be true or false', 'type_error'],
    ['{"name":"a","on":"true"}', ['body', 'on'], 'must be true or false', 'type_error'],
    ['{"name":"a","uid":"A"}', ['body', 'uid'], 'must be letters a to z', 'value_error'],
    ['{"name":"a","order":"left"}', ['body', 'order'], 'must be one of up, down', 'value_error'],
    [
      '{"name":"a","at":"2026-01-01"}',
      ['body', 'at'],
      'must be a time (RFC 3339 with an offset, years 1970 to 9999)',
      'value_error',
    ],
    [
      '{"name":"a","at":"1969-12-31T23:59:59Z"}',
      ['body', 'at'],
      'must be a time (RFC 3339 with an offset, years 1970 to 9999)',
      'value_error',
    ],
    ['{"name":"a","tags":["x","y","z"]}', ['body', 'tags'], 'must be a list of at most 2 items', 'value_error'],
    ['{"name":"a","tags":["x",1]}', ['body', 'tags', '[1]'], 'must be a string', 'type_error'],
    ['{"name":"a","either":{"a":1}}', ['body', 'either', 'a'], 'must be a string', 'type_error'],
    ['{"name":"a","either":{}}', ['body', 'either', 'a'], 'is required', 'value_error.missing'],
    ['{"name":"a","either":{"a":"","b":1}}', ['body', 'either', 'b'], 'is not a known field', 'value_error.extra'],
    ['{"name":"a","either":1}', ['body', 'either'], 'must be an object or null', 'value_error'],
    ['{"name":"a","rows":[1,null,"x",2]}', ['body', 'rows', '[2]'], 'must be an integer or null', 'value_error'],
    [
      '{"name":"a","uid":"\\u0000"}',
      ['body', 'uid'],
      'must not hold a NUL character or half of a surrogate pair',
      'value_error',
    ],
    [
      '{"name":"a","tags":["\\udc00"]}',
      ['body', 'tags'],
      'must not hold a NUL character or half of a surrogate pair',
      'value_error',
    ],
    ['[]', ['body'], 'must be a JSON object', 'type_error'],
    ['null', ['body'], 'must be a JSON object', 'type_error'],
  ])('%s: one fault that says where and what is expected', (text, loc, msg, type) => {
    const [first, ...more] = faults(() => body(schema, text))
    assert.deepEqual(first, { loc, msg, type })
    assert.deepEqual(
      more.filter((fault) => fault.loc[1] !== loc[1]),
      [],
    )
  })

  test('all faults come in one answer, up to 20', () => {
    const found = faults(() => body(schema, '{"rate":0,"on":1,"rows":["a",1,"b"],"id":"x"}'))
    assert.deepEqual(
      found.map(({ loc }) => loc.slice(1).join('.')),
      ['id', 'name', 'rate', 'on', 'rows.[0]', 'rows.[2]'],
    )
    const many = JSON.stringify({ name: 'a', rows: Array.from({ length: 100 }, () => 'x') })
    assert.equal(faults(() => body(schema, many)).length, 20)
  })

  test('no message holds the value given', () => {
    for (const text of [
      '{"name":"canary canary"}',
      '{"name":"a","uid":"canary1"}',
      '{"name":"a","order":"canary"}',
      '{"name":"a","at":"canary"}',
    ]) {
      assert.ok(!JSON.stringify(faults(() => body(schema, text))).includes('canary'))
    }
  })

  test('a body that is wrong all over is refused in 50 ms', () => {
    const text = JSON.stringify({
      name: 'a',
      tags: Array.from({ length: 32_000 }, () => 1),
      rows: Array.from({ length: 9_000 }, () => ''),
    })
    const quickest = Math.min(...[1, 2, 3].map(() => cpuMs(() => faults(() => body(schema, text)))))
    assert.ok(quickest < 50, `${quickest} ms`)
  })

  test('only what the schema names is taken over; the rest is named', () => {
    const { value, ignored } = readBody(scanJson(Buffer.from('{"name":"a","payload":{"x":1},"more":1}')), schema, {
      raw: ['payload'],
    })
    assert.deepEqual({ ...value }, { name: 'a' })
    assert.equal(Object.getPrototypeOf(value), null)
    assert.deepEqual(ignored, ['more'])
  })

  test.each([
    'id',
    'appId',
    'app_id',
    'endpointId',
    'endpoint_id',
    'msgId',
    'orgId',
    'envId',
    'accountId',
    'tenantId',
    'tenant_id',
    'createdAt',
    'created_at',
    'failingSince',
    'disabledReason',
    'disabled_reason',
  ])('the protected name %s is refused', (name) => {
    assert.deepEqual(
      faults(() => body(schema, `{"name":"a","${name}":"x"}`)),
      [{ loc: ['body', name], msg: 'cannot be set', type: 'value_error.read_only' }],
    )
  })

  test("a protected name with the object's own value is let pass, with another it is refused", () => {
    const current = { id: 'ep_1', createdAt: new Date('2026-01-01T00:00:00Z'), failingSince: null }
    const same =
      '{"name":"a","id":"ep_1","createdAt":"2026-01-01T00:00:00.000Z","created_at":"2026-01-01T00:00:00.000Z","failingSince":null}'
    assert.deepEqual({ ...body(schema, same, { current }) }, { name: 'a' })
    for (const other of ['"id":"ep_2"', '"createdAt":null', '"failingSince":"x"', '"disabledReason":null']) {
      assert.equal(faults(() => body(schema, `{"name":"a",${other}}`, { current })).length, 1, other)
    }
  })

  test('a name that is read-only here is refused, null apart', () => {
    assert.equal(
      faults(() => body(schema, '{"name":"a","secret":"x"}', { readOnly: ['secret'] }))[0]?.type,
      'value_error.read_only',
    )
    assert.deepEqual({ ...body(schema, '{"name":"a","secret":null}', { readOnly: ['secret'] }) }, { name: 'a' })
  })

  test('names for a header are safe for one', () => {
    assert.equal(ignoredFieldsHeader([]), undefined)
    assert.equal(ignoredFieldsHeader(['\r\n']), undefined)
    assert.equal(ignoredFieldsHeader(['a', 'x y', 'b-c', 'é']), 'a,b-c')
  })
})

describe('aliases', () => {
  const read = (body: {
    eventTypes?: string[] | null
    filterTypes?: string[] | null
    rateLimit?: number
    throttleRate?: number
    featureFlag?: string | null
    featureFlags?: string[] | null
  }) => readAliases(body, { filterTypes: 'eventTypes', rateLimit: 'throttleRate', featureFlag: ['featureFlags'] })

  test.each([
    [{}, {}],
    [{ filterTypes: ['a'] }, { eventTypes: ['a'] }],
    [{ eventTypes: ['a'] }, { eventTypes: ['a'] }],
    [{ eventTypes: ['a', 'b'], filterTypes: ['a', 'b'] }, { eventTypes: ['a', 'b'] }],
    [{ eventTypes: null, filterTypes: null }, { eventTypes: null }],
    [{ rateLimit: 5 }, { throttleRate: 5 }],
    [{ featureFlag: 'x' }, { featureFlags: ['x'] }],
    [{ featureFlag: 'x', featureFlags: ['x'] }, { featureFlags: ['x'] }],
    [{ featureFlag: null }, { featureFlags: null }],
  ])('%j is %j', (given, taken) => assert.deepEqual(read(given), taken))

  test.each([
    [{ eventTypes: ['a'], filterTypes: ['b'] }, 'filterTypes'],
    [{ eventTypes: null, filterTypes: ['b'] }, 'filterTypes'],
    [{ rateLimit: 5, throttleRate: 6 }, 'rateLimit'],
    [{ featureFlag: 'x', featureFlags: ['x', 'y'] }, 'featureFlag'],
  ])('%j contradicts itself', (given, alias) => {
    assert.deepEqual(
      faults(() => read(given)).map(({ loc }) => loc),
      [['body', alias]],
    )
  })

  test('objects are equal whatever the order of their keys', () => {
    const values = { data: { a: 1, b: [1, { c: 2, d: 3 }] }, payload: { b: [1, { d: 3, c: 2 }], a: 1 } }
    assert.deepEqual(readAliases(values, { data: 'payload' }), { payload: values.payload })
  })
})

describe('query', () => {
  const schema = Type.Object({
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 250 })),
    status: Type.Optional(Type.Integer({ minimum: 0, maximum: 4 })),
    with_content: Type.Optional(Type.Boolean()),
    before: Type.Optional(queryMoment()),
    updatedSince: Type.Optional(Type.String({ format: 'date' })),
    order: Type.Optional(oneOf(['ascending', 'descending'])),
    channel: Type.Optional(patternText(/^[a-z]{1,3}$/, 'up to 3 letters')),
    event_types: Type.Optional(queryList(Type.String(), 4)),
    numbers: Type.Optional(queryList(Type.Integer(), 4)),
  })
  const read = (text: string, family: Family = 'management') => {
    const request: Pick<FastifyRequest, 'family' | 'parameters'> = { family, parameters: parseQuery(text) }
    return { ...queryOf(request, schema) }
  }

  test.each([
    ['', {}],
    ['limit=5', { limit: 5 }],
    ['with_content=false', { with_content: false }],
    ['before=2026-01-01T00:00:00%2B01:00', { before: new Date('2025-12-31T23:00:00Z') }],
    ['updatedSince=2026-02-28', { updatedSince: '2026-02-28' }],
    ['nobody=1&asked=%20', {}],
    ['event_types=a,b', { event_types: ['a', 'b'] }],
    ['event_types=a%2Cb', { event_types: ['a', 'b'] }],
    ['event_types=a&event_types=b', { event_types: ['a', 'b'] }],
    ['event_types[]=a&event_types[]=b', { event_types: ['a', 'b'] }],
    ['event_types%5B%5D=a&event_types[0]=b&event_types[17]=c&event_types=d', { event_types: ['a', 'b', 'c', 'd'] }],
    ['event_types=a,%20b,+c', { event_types: ['a', 'b', 'c'] }],
    ['event_types=', { event_types: [] }],
    ['event_types', { event_types: [] }],
    ['numbers=1,2', { numbers: [1, 2] }],
    ['&&limit=1&', { limit: 1 }],
    ['__proto__=1&constructor=2&toString=3', {}],
  ])('%s', (text, expected) => assert.deepEqual(read(text), expected))

  test.each([
    'limit=x',
    'limit=',
    'limit=1.5',
    'limit=0x10',
    'limit=9999999999999999999',
    'limit=1&limit=2',
    'limit=+1',
    'status=ok',
    'with_content=1',
    'with_content=TRUE',
    'before=yesterday',
    'before=2026-01-01',
    'before=2026-01-01T00:00:00',
    'before=2026-02-30T00:00:00Z',
    'updatedSince=2026-13-01',
    'numbers=1,x',
    'limit=%',
    'a=%ff',
    '%e0%a4=1',
    'channel=%00',
  ])('%s cannot be read: 400', (text) => {
    assert.throws(() => read(text), { code: 'unreadable_query' })
  })

  test.each([
    ['limit=0', 'limit', 'must be an integer from 1 to 250'],
    ['limit=251', 'limit', 'must be an integer from 1 to 250'],
    ['limit=-1', 'limit', 'must be an integer from 1 to 250'],
    ['status=5', 'status', 'must be an integer from 0 to 4'],
    ['order=sideways', 'order', 'must be one of ascending, descending'],
    ['channel=abcd', 'channel', 'must be up to 3 letters'],
    ['before=1969-01-01T00:00:00Z', 'before', 'must be a time (RFC 3339 with an offset, years 1970 to 9999)'],
    ['event_types=a,b,c,d,e', 'event_types', 'must be a list of at most 4 items'],
  ])('%s is outside its range: 422', (text, name, msg) => {
    assert.deepEqual(
      faults(() => read(text)),
      [{ loc: ['query', name], msg, type: 'value_error' }],
    )
  })

  test('a parameter that is unknown is refused under /v1 and /v2', () => {
    assert.throws(() => read('limit=1&nobody=2', 'producersync'), {
      code: 'unreadable_query',
      message: 'nobody: is not a parameter of this operation',
    })
    assert.throws(() => read('__proto__=2', 'producersync'), { code: 'unreadable_query' })
    assert.deepEqual(read('limit=1', 'producersync'), { limit: 1 })
  })
})

describe('moments', () => {
  test.each([
    ['2026-03-06T16:41:07.120Z', '2026-03-06T16:41:07.120Z'],
    ['2026-03-06t16:41:07z', '2026-03-06T16:41:07.000Z'],
    ['2026-03-06T16:41:07.123456789+05:30', '2026-03-06T11:11:07.123Z'],
    ['2026-03-06T16:41:07.9-00:00', '2026-03-06T16:41:07.900Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
    ['2016-12-31T23:59:60Z', '2017-01-01T00:00:00.000Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000Z'],
    ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'],
  ])('%s is %s', (text, moment) => assert.equal(parseMoment(text)?.toISOString(), moment))

  test.each([
    '',
    'now',
    '2026-03-06',
    '2026-03-06T16:41Z',
    '2026-03-06 16:41:07Z',
    '2026-03-06T16:41:07',
    '2026-13-01T00:00:00Z',
    '2025-02-29T00:00:00Z',
    '2100-02-29T00:00:00Z',
    '2026-00-01T00:00:00Z',
    '2026-01-00T00:00:00Z',
    '2026-01-32T00:00:00Z',
    '2026-01-01T24:00:00Z',
    '2026-01-01T00:60:00Z',
    '2026-01-01T00:00:61Z',
    '2026-01-01T00:00:00+24:00',
    '2026-01-01T00:00:00+00:60',
    '2026-01-01T00:00:00.Z',
    '2026-01-01T00:00:00.1234567890Z',
    '+12026-01-01T00:00:00Z',
    '1767225600',
    '2026-01-01T00:00:00Z ',
  ])('%s is none', (text) => assert.equal(parseMoment(text), undefined))

  test('dates are those of the calendar', () => {
    for (const text of ['2000-02-29', '2024-02-29', '2026-12-31']) assert.ok(isCalendarDate(text), text)
    for (const text of ['1900-02-29', '2026-02-29', '2026-04-31', '2026-1-1', '20260101', '2026-13-01'])
      assert.ok(!isCalendarDate(text), text)
  })
})

describe('paths', () => {
  test.each([
    ['/a/b?c=%zz', '/a/b?c=%zz'],
    ['/a%20b/%C3%A9/%2F', '/a%20b/%C3%A9/%2F'],
    ['/a/%zz/b', '/a/%EF%BF%BDzz/b'],
    ['/a/%', '/a/%EF%BF%BD'],
    ['/a/%ff/%41?x=%ff', '/a/%EF%BF%BD/%41?x=%ff'],
    ['/%c3%28', '/%EF%BF%BD'],
    ['/%2', '/%EF%BF%BD2'],
  ])('%s is read as %s', (url, readable) => assert.equal(readablePath(url), readable))
})
