import type { IncomingHttpHeaders } from 'node:http'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import * as core from './index.ts'
import * as node from './node.ts'

const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const otherSecret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
const now = new Date('2026-03-06T15:02:12Z')
const event = {
  id: 'evt_3AZoD9ju2bxg58Q4PC2Ut9ld7gH',
  type: 'producersync.npn.activated',
  timestamp: '2026-03-06T15:02:11.004Z',
  data: { npn: '912484758' },
} as const
const body = JSON.stringify(event)
const bytes = new TextEncoder().encode(body)
const signed = node.sign({
  id: 'msg_3AZoD9ju2bxg58Q4PC2Ut9ld7gH',
  timestamp: now.getTime() / 1000,
  body,
  secrets: secret,
})
const options = { secrets: secret, now }
const pairs = Object.entries(signed)
const svixPairs = pairs.map(([name, value]) => [name.replace('webhook', 'svix'), value] as const)

const variants = [
  ['core', core],
  ['node', node],
] as const

describe.each(variants)('%s', (_, { check, sign, unwrap, verify }) => {
  test.each<[string, core.Body]>([
    ['a string', body],
    ['a Uint8Array', bytes],
    ['a Uint8Array inside a larger buffer', new Uint8Array([1, ...bytes, 2]).subarray(1, -1)],
    ['an ArrayBuffer', bytes.buffer],
    ['an ArrayBuffer of another realm', runInNewContext('Uint8Array.from(bytes).buffer', { bytes })],
    ['a Buffer', Buffer.from(body)],
    ['a DataView', new DataView(bytes.buffer)],
  ])('the body may be %s', async (_form, given) => {
    expect(await verify(given, signed, options)).toEqual(event)
  })

  const incoming: IncomingHttpHeaders = { host: 'example.com', 'set-cookie': ['a', 'b'], ...signed }
  test.each<[string, core.HeadersLike]>([
    ['Headers', new Headers(signed)],
    ['an object', signed],
    ['an object in upper case', Object.fromEntries(pairs.map(([name, value]) => [name.toUpperCase(), value]))],
    ['an object with array values', Object.fromEntries(pairs.map(([name, value]) => [name, [value]]))],
    ['an object with absent values', { ...signed, 'svix-id': undefined }],
    ['IncomingHttpHeaders', incoming],
    ['an object without prototype', Object.assign(Object.create(null), signed)],
    ['a Map', new Map(pairs)],
    [
      'a Map in title case',
      new Map([['Host', 'x'], ...pairs.map(([name, value]) => [`W${name.slice(1)}`, value] as const)]),
    ],
    ['pairs', pairs],
    ['rawHeaders', ['Host', 'example.com', ...pairs.flat()]],
    ['the svix family', new Map(svixPairs)],
    ['both families', new Headers([...pairs, ...svixPairs.map(([name, value]): [string, string] => [name, value])])],
  ])('the headers may be %s', async (_form, headers) => {
    expect(await verify(body, headers, options)).toEqual(event)
  })

  test.each<[string, node.VerifyOptions['secrets']]>([
    ['one', secret],
    ['several', [otherSecret, secret]],
    ['a function', () => secret],
    ['a function of several', () => [otherSecret, secret]],
  ])('secrets may be %s', async (_form, secrets) => {
    expect(await verify(body, signed, { secrets, now })).toEqual(event)
  })

  test('a function of secrets is asked each time, so a rotation needs no restart', async () => {
    let secrets = [secret]
    const current = () => secrets
    const rotated = await sign({ id: 'msg_1', timestamp: now.getTime() / 1000, body, secrets: otherSecret })
    expect(await check(body, rotated, { secrets: current, now })).toMatchObject({ code: 'no_matching_signature' })
    secrets = [otherSecret, secret]
    expect(await check(body, rotated, { secrets: current, now })).toMatchObject({ ok: true })
    expect(await check(body, signed, { secrets: current, now })).toMatchObject({ ok: true })
    secrets = [otherSecret]
    expect(await check(body, signed, { secrets: current, now })).toMatchObject({ code: 'no_matching_signature' })
  })

  test.each<[string, unknown, string]>([
    ['a parsed object', event, 'an object'],
    ['nothing', undefined, 'undefined'],
    ['null', null, 'null'],
    ['a promise', Promise.resolve(body), 'a promise'],
    ['a number', 7, 'a number'],
  ])('a body that is %s is body_not_bytes, with the way to the raw bytes', async (_form, given, named) => {
    // @ts-expect-error: JavaScript has no compiler to say so
    const verdict = await check(given, signed, options)
    expect(verdict).toMatchObject({ ok: false, code: 'body_not_bytes' })
    if (verdict.ok) return
    expect(verdict.message).toContain(named)
    for (const way of ['express.raw', 'parseAs', 'arrayBuffer()', 'rawBody', 'isBase64Encoded']) {
      expect(verdict.hint).toContain(way)
    }
  })

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a promise of headers', Promise.resolve(new Headers(signed))],
    ['Object.entries(new Headers())', Object.entries(new Headers(signed))],
  ])('headers that are %s are missing_header, naming all three', async (_form, headers) => {
    // @ts-expect-error: JavaScript has no compiler to say so
    const verdict = await check(body, headers, options)
    expect(verdict).toMatchObject({ ok: false, code: 'missing_header' })
    expect(verdict).toHaveProperty(
      'message',
      expect.stringContaining('webhook-id, webhook-timestamp, webhook-signature'),
    )
  })

  test.each<[string, unknown]>([
    ['undefined', undefined],
    ['a list of undefined', [undefined]],
    ['an unset variable', () => undefined],
    ['an empty list', []],
  ])('secrets that are %s are invalid_secret, before anything else is looked at', async (_form, secrets) => {
    // @ts-expect-error: JavaScript has no compiler to say so
    expect(await check(undefined, {}, { secrets })).toMatchObject({ ok: false, code: 'invalid_secret' })
  })

  test('it says by how many seconds a webhook is too old or too new', async () => {
    const late = { secrets: secret, now: new Date(now.getTime() + 302_000) }
    const early = { secrets: secret, now: new Date(now.getTime() - 3_600_000) }
    expect(await check(body, signed, late)).toHaveProperty('message', expect.stringContaining('302 s behind'))
    expect(await check(body, signed, early)).toHaveProperty('message', expect.stringContaining('3600 s ahead'))
  })

  test('a clock or a tolerance that is not a number refuses', async () => {
    for (const wrong of [{ now: new Date(Number.NaN) }, { now, toleranceSeconds: Number.NaN }]) {
      const verdict = await check(body, signed, { secrets: secret, ...wrong })
      expect(verdict).toMatchObject({ code: 'timestamp_out_of_range' })
    }
  })

  test('without `now` it judges by the current time', async () => {
    const timestamp = Math.floor(Date.now() / 1000)
    const fresh = await sign({ id: 'msg_1', timestamp, body, secrets: secret })
    expect(await check(body, fresh, { secrets: secret })).toMatchObject({ ok: true })
    expect(await check(body, signed, { secrets: secret })).toMatchObject({ code: 'timestamp_out_of_range' })
  })

  test('a body over 1 MiB is refused unless maxBytes says otherwise', async () => {
    const large = JSON.stringify('x'.repeat(1_048_577))
    const headers = await sign({ id: 'msg_1', timestamp: now.getTime() / 1000, body: large, secrets: secret })
    expect(await check(large, headers, options)).toMatchObject({ code: 'body_too_large' })
    expect(await verify(large, headers, { ...options, maxBytes: 2_000_000 })).toHaveLength(1_048_577)
  })

  test('unwrap gives the event, check gives it as a value', async () => {
    expect(await unwrap(body, signed, options)).toEqual(event)
    expect(await check(body, signed, options)).toEqual({ ok: true, event })
  })

  test('a verified body that is not the envelope is invalid_event, and verify still gives it', async () => {
    const other = await sign({
      id: 'msg_1',
      timestamp: now.getTime() / 1000,
      body: '{"success":true}',
      secrets: secret,
    })
    expect(await verify('{"success":true}', other, options)).toEqual({ success: true })
    expect(await check('{"success":true}', other, options)).toMatchObject({ code: 'invalid_event' })
  })

  test('a refusal holds nothing of the secret and nothing of the body', async () => {
    const text = 'marked-body'
    const headers = await sign({ id: 'msg_1', timestamp: now.getTime() / 1000, body: text, secrets: secret })
    const verdicts = [
      await check(text, headers, options),
      await check(text, signed, options),
      await check(text, headers, { secrets: `${secret}!` }),
    ]
    expect(verdicts.map((verdict) => (verdict.ok ? 'ok' : verdict.code))).toEqual([
      'invalid_json',
      'no_matching_signature',
      'invalid_secret',
    ])
    expect(JSON.stringify(verdicts)).not.toMatch(/marked|MfKQ9r8G/)
  })

  test('an error that is no refusal is not swallowed by check', async () => {
    const secrets = () => {
      throw new RangeError('the vault is closed')
    }
    await expect((async () => check(body, signed, { secrets, now }))()).rejects.toThrow(RangeError)
  })
})

describe('core, with a Request', () => {
  const request = (init: RequestInit = {}) =>
    new Request('https://example.com/', { method: 'POST', headers: signed, body, ...init })

  test('reads it and verifies it', async () => {
    const received = request()
    expect(await core.verify(received, received.headers, options)).toEqual(event)
  })

  test('secrets may come from a promise', async () => {
    const received = request()
    expect(await core.verify(received, received.headers, { secrets: async () => [secret], now })).toEqual(event)
  })

  test('one that was read before is body_not_bytes', async () => {
    const received = request()
    await received.json()
    expect(await core.check(received, received.headers, options)).toMatchObject({ code: 'body_not_bytes' })
  })

  test('one without a body is judged as empty', async () => {
    const received = request({ body: null })
    expect(await core.check(received, received.headers, options)).toMatchObject({ code: 'no_matching_signature' })
  })

  test('one that never ends is left off at maxBytes', async () => {
    let canceled = false
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(65_536)),
      cancel: () => {
        canceled = true
      },
    })
    const received = request({ body: endless, duplex: 'half' })
    expect(await core.check(received, received.headers, options)).toMatchObject({ code: 'body_too_large' })
    expect(canceled).toBe(true)
  })

  test('one that is refused by its headers is not read', async () => {
    const received = request()
    expect(await core.check(received, {}, options)).toMatchObject({ code: 'missing_header' })
    expect(received.bodyUsed).toBe(false)
  })

  test('in the node variant it is body_not_bytes', () => {
    // @ts-expect-error: a Request cannot be read synchronously
    expect(node.check(request(), signed, options)).toMatchObject({ code: 'body_not_bytes' })
  })
})
