import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Receiver, startReceiver } from '../receiver.ts'
import { type TestAccount, TestService } from '../service.ts'
import { ServiceHome, ServiceProcess } from '../service-process.ts'

/** What is taken in, and how it comes out again (webhook-api 1, 9.4, 10.1). */

let receiver: Receiver
let service: TestService
let account: TestAccount
let path: string

beforeAll(async () => {
  receiver = await startReceiver()
  service = await TestService.start({ receivers: [receiver] })
})
beforeEach(async () => {
  receiver.reset()
  account = await service.account()
  path = `/api/v1/app/${account.id}/msg`
})
afterAll(async () => {
  await service.close()
  await receiver.close()
})

describe('27: a payload arrives and is returned byte for byte', () => {
  const payloads = [
    '{}',
    '{ }',
    '{\r\n "a" : [ 1 , 2 ]\n}',
    '{"n":12345678901234567890}',
    '{"n":-12345678901234567890.12345678901234567890}',
    '{"n":1.0,"m":1.10,"k":10e-1}',
    '{"n":-0,"m":-0.0}',
    '{"n":1E400,"m":1e-400}',
    '{"a":1,"a":2,"a":{"a":3}}',
    '{"__proto__":{"x":1},"constructor":{"prototype":{"y":2}},"a":{"__proto__":null}}',
    '{"a":"\\u0000"}',
    '{"a":"\\ud800","b":"\\udc00\\ud800"}',
    '{"\\u0061":1,"a":2,"\\/":"\\/"}',
    '{"é":"é","é":"e\u0301","ﬁ":"Å"}',
    '{"a":"\u2028\u2029\u{1f600}"}',
    '{"a":"<script>&amp;\\u003c"}',
  ]

  test('one by one, in a batch, in answers and lists, and at the receiver', async () => {
    await service.endpoint(account, receiver)
    const single = async (payload: string) => {
      const rawBody = `{ "payload" :${payload}, "eventType":"test.happened" }`
      const { status, text, body } = await service.call('POST', path, undefined, { rawBody })
      expect([payload, status]).toEqual([payload, 202])
      expect(text).toContain(`"payload":${payload}`)
      return body.id
    }
    const expected: [id: string, payload: string][] = []
    for (const payload of payloads) expected.push([await single(payload), payload])
    const items = payloads.map((payload) => `{"eventType":"test.happened","payload":${payload}}`)
    const rawBody = `{"messages":[${items.join(',\n')}]}`
    const batch = await service.call('POST', `${path}/batch`, undefined, { rawBody })
    batch.body.results.forEach((result: { message: { id: string } }, n: number) => {
      expect(batch.text).toContain(`"payload":${payloads[n]}`)
      expected.push([result.message.id, payloads[n] ?? ''])
    })
    await service.settled()

    const received = new Map(receiver.events.map(({ messageId, body }) => [messageId, body.toString()]))
    expect(received).toEqual(new Map(expected))
    const list = await service.call('GET', `${path}?limit=250`)
    for (const [id, payload] of expected) {
      expect((await service.call('GET', `${path}/${id}`)).text).toContain(`"payload":${payload}`)
      expect(list.text).toContain(`"payload":${payload}`)
    }
  })

  test('a raw payload too, with its content type', async () => {
    await service.endpoint(account, receiver)
    const rawPayload = '<a>\n\u00e9</a>'
    const { id, payload } = await service.message(account, {
      payload: {},
      transformationsParams: { rawPayload, headers: { 'content-type': 'text/xml' } },
    })
    await service.settled()
    const sent = receiver.requests.slice(1) // after the test request
    expect(sent.map(({ body, headers }) => [body.toString(), headers['content-type']])).toEqual([
      [rawPayload, 'text/xml'],
    ])
    expect(payload).toEqual({ rawPayload })
    expect((await service.ok('GET', `${path}/${id}`)).payload).toEqual({ rawPayload })
  })

  test('invalid UTF-8 and a byte order mark are 422, and nothing is accepted', async () => {
    const broken = [
      Buffer.concat([Buffer.from('{"eventType":"a","payload":{"a":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}}')]),
      Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from('{"eventType":"a","payload":{}}')]),
    ]
    for (const rawBody of broken) {
      const { status, body } = await service.call('POST', path, undefined, { rawBody })
      expect([status, body.detail[0].loc, body.detail[0].type]).toEqual([422, ['body'], 'value_error.jsondecode'])
    }
    expect((await service.ok('GET', path)).data).toEqual([])
  })
})

describe('52: deliverAt', () => {
  const inSeconds = (seconds: number) => new Date(service.clock.now().getTime() + seconds * 1_000).toISOString()

  test('in 2 h: listed as waiting with its moment, not sent before, sent then', async () => {
    const endpoint = await service.endpoint(account, receiver)
    const deliverAt = inSeconds(7_200)
    const { id } = await service.message(account, { deliverAt })
    await service.advance({ seconds: 7_199 })
    expect(receiver.events).toHaveLength(0)
    const listed = `/api/v1/app/${account.id}/endpoint/${endpoint.id}/msg`
    const { data } = await service.ok('GET', `${listed}?status=1`)
    expect(data).toMatchObject([{ id, status: 1, statusText: 'pending', nextAttempt: deliverAt, deliverAt }])
    const withoutStatus = (await service.ok('GET', listed)).data.map((message: { id: string }) => message.id)
    expect(withoutStatus).not.toContain(id)
    await service.advance({ seconds: 2 })
    expect(receiver.events.map(({ messageId }) => messageId)).toEqual([id])
  })

  test.each([
    { seconds: 59, status: 422 },
    { seconds: 60, status: 202 },
    { seconds: 86_400, status: 202 },
    { seconds: 90_000, status: 422 },
  ])('$seconds s ahead: $status', async ({ seconds, status }) => {
    const message = { eventType: 'test.happened', payload: {}, deliverAt: inSeconds(seconds) }
    const answer = await service.call('POST', path, message)
    expect(answer.status).toBe(status)
    if (status === 422) expect(answer.body.detail[0].loc).toEqual(['body', 'deliverAt'])
  })
})

describe('55: bodies', () => {
  const KIB = 1_024
  /** As many bytes, all white space at the end. */
  const padded = (text: string, bytes: number) => text + ' '.repeat(bytes - Buffer.byteLength(text))
  const message = '{"eventType":"test.happened","payload":{}}'

  test.each([
    { name: 'a message', at: '', bytes: 256 * KIB, text: message, status: 202 },
    { name: 'a batch', at: '/batch', bytes: 1_024 * KIB, text: `{"messages":[${message}]}`, status: 202 },
  ])('of $bytes bytes, $name is taken; of one more it is 413', async ({ at, bytes, text, status }) => {
    const limit = await service.call('POST', path + at, undefined, { rawBody: padded(text, bytes) })
    expect(limit.status).toBe(status)
    const above = await service.call('POST', path + at, undefined, { rawBody: padded(text, bytes + 1) })
    expect([above.status, above.body.code]).toEqual([413, 'payload_too_large'])
    expect((await service.ok('GET', path)).data).toHaveLength(1)
  })

  test('of 64 KiB, any other is taken; of one byte more it is 413', async () => {
    const post = (bytes: number) =>
      service.call('POST', '/api/v1/app', undefined, { rawBody: padded('{"name":"x"}', bytes) })
    expect([(await post(64 * KIB)).status, (await post(64 * KIB + 1)).status]).toEqual([201, 413])
  })

  test('a depth of 64 is taken, of 65 it is 422', async () => {
    const nested = (depth: number) => {
      const inner = depth - 2 // the message and its payload
      return `{"eventType":"test.happened","payload":{"a":${'['.repeat(inner)}${']'.repeat(inner)}}}`
    }
    const statuses = [64, 65].map(
      async (depth) => (await service.call('POST', path, undefined, { rawBody: nested(depth) })).status,
    )
    expect(await Promise.all(statuses)).toEqual([202, 422])
  })

  test.each([
    { type: 'application/json', status: 202 },
    { type: 'application/json; charset=utf-8', status: 202 },
    { type: 'text/plain', status: 415 },
    { type: 'application/x-www-form-urlencoded', status: 415 },
    { type: 'application/json; charset=latin1', status: 415 },
  ])('of type $type: $status', async ({ type, status }) => {
    const headers = { 'content-type': type }
    expect((await service.call('POST', path, undefined, { rawBody: message, headers })).status).toBe(status)
  })

  test('a channel or a tag that a message names twice counts once', async () => {
    const twice = { eventType: 'test.happened', payload: {}, channels: ['b', 'a', 'b'], tags: ['t', 't'] }
    const made = await service.ok('POST', path, twice)
    expect(made).toMatchObject({ channels: ['b', 'a'], tags: ['t'] })
    const { results } = await service.ok('POST', `${path}/batch`, { messages: [twice] })
    expect(results[0].message).toMatchObject({ channels: ['b', 'a'], tags: ['t'] })
    expect((await service.ok('GET', path)).data.map(({ tags }: { tags: string[] }) => tags)).toEqual([['t'], ['t']])
  })

  test('an empty one is {}, with or without a type', async () => {
    const endpoint = await service.endpoint(account, receiver)
    const rotate = `/api/v1/app/${account.id}/endpoint/${endpoint.id}/secret/rotate`
    const typed = { headers: { 'content-type': 'application/json' } }
    expect((await service.call('POST', rotate)).status).toBe(204)
    expect((await service.call('POST', rotate, undefined, typed)).status).toBe(204)
    const { status, body } = await service.call('POST', path, undefined, typed)
    expect(status).toBe(422)
    expect(body.detail.map(({ loc }: { loc: string[] }) => loc.join('.'))).toContain('body.eventType')
  })
})

describe('58: a batch', () => {
  type Result = { status: number; message?: { id: string; payload: object }; error?: { code?: string } }

  /** Every fourth is bad, each in one of several ways. */
  const items = Array.from({ length: 1_000 }, (_, n): object => {
    const bad = [
      { payload: { n } },
      { eventType: '-x', payload: { n } },
      { eventType: 'a', payload: n },
      { id: 'msg_1' },
    ]
    return n % 4 === 3 ? (bad[((n / 4) % 4) | 0] ?? {}) : { eventType: 'test.happened', payload: { n } }
  })
  const good = items.flatMap((_, n) => (n % 4 === 3 ? [] : [n]))

  async function ids(): Promise<string[]> {
    const found: string[] = []
    for (let iterator = ''; ; ) {
      const page = await service.ok('GET', `${path}?limit=250&event_types=test.happened${iterator}`)
      found.push(...page.data.map((message: { id: string }) => message.id))
      if (page.done) return found.toReversed()
      iterator = `&iterator=${page.iterator}`
    }
  }

  test('of 1,000 with good and bad items answers each in its place, and accepts exactly the good ones', async () => {
    const { status, body } = await service.call('POST', `${path}/batch`, { messages: items })
    expect(status).toBe(202)
    const results: Result[] = body.results
    expect(results).toHaveLength(1_000)
    results.forEach((result, n) => {
      if (n % 4 === 3) expect([n, result.status, 'message' in result]).toEqual([n, 422, false])
      else expect([n, result.status, result.message?.payload]).toEqual([n, 202, { n }])
    })
    expect(await ids()).toEqual(good.map((n) => results[n]?.message?.id))
  })

  test('its Idempotency-Key covers the whole call: the same answer again, and no second event', async () => {
    await service.endpoint(account, receiver)
    const options = { headers: { 'idempotency-key': 'batch' } }
    const messages = items.slice(0, 100)
    const first = await service.call('POST', `${path}/batch`, { messages }, options)
    const again = await service.call('POST', `${path}/batch`, { messages }, options)
    expect([again.status, again.headers.get('x-idempotent-replay')]).toEqual([202, 'true'])
    expect(again.text).toBe(first.text)
    const other = await service.call('POST', `${path}/batch`, { messages: messages.slice(1) }, options)
    expect([other.status, other.body.code]).toEqual([409, 'idempotency_key_reuse'])
    await service.settled()
    expect(await ids()).toHaveLength(75)
    expect(new Set(receiver.events.map(({ messageId }) => messageId)).size).toBe(75)
    expect(receiver.events).toHaveLength(75)
  })

  test('of two items with one eventId the first wins; one that is taken already is named', async () => {
    const earlier = await service.message(account, { eventId: 'taken' })
    const messages = ['a', 'b', 'a', 'taken'].map((eventId, n) => ({
      eventType: 'test.happened',
      payload: { n },
      eventId,
    }))
    const { results } = await service.ok('POST', `${path}/batch`, { messages })
    expect(results.map((result: Result) => result.status)).toEqual([202, 202, 409, 409])
    expect(results[2].error).toMatchObject({ code: 'conflict', msgId: results[0].message.id })
    expect(results[3].error).toMatchObject({ code: 'conflict', msgId: earlier.id })
    expect(await ids()).toHaveLength(3)
  })

  test.each([
    {
      name: '1,001 messages',
      body: { messages: Array.from({ length: 1_001 }, () => ({ eventType: 'a', payload: {} })) },
    },
    { name: 'none', body: { messages: [] } },
    { name: 'no list', body: { messages: {} } },
    { name: 'nothing', body: {} },
  ])('of $name is 422, and nothing is accepted', async ({ body }) => {
    const answer = await service.call('POST', `${path}/batch`, body)
    expect([answer.status, answer.body.detail[0].loc.slice(0, 2)]).toEqual([422, ['body', 'messages']])
    expect((await service.ok('GET', path)).data).toEqual([])
  })

  test.each(['accept.before_commit', 'accept.after_commit'] as const)(
    'killed at %s: all or none, and with its key exactly once',
    async (failpoint) => {
      const home = await ServiceHome.testRun()
      let process = await ServiceProcess.killable(home, { killAt: { failpoint, time: 1 } })
      const { id } = await process.account()
      const at = `/api/v1/app/${id}/msg`
      const messages = Array.from({ length: 500 }, (_, n) => ({ eventType: 'test.happened', payload: { n } }))
      const options = { headers: { 'idempotency-key': 'batch' } }
      await expect(process.call('POST', `${at}/batch`, { messages }, options)).rejects.toThrow('fetch failed')
      await process.exited

      process = await ServiceProcess.killable(home)
      const count = async () => {
        let found = 0
        for (let iterator = ''; ; ) {
          const page = await process.ok('GET', `${at}?limit=250${iterator}`)
          found += page.data.length
          if (page.done) return found
          iterator = `&iterator=${page.iterator}`
        }
      }
      expect(await count()).toBe(failpoint === 'accept.before_commit' ? 0 : 500)
      const { results } = await process.ok('POST', `${at}/batch`, { messages }, options)
      expect(new Set(results.map((result: Result) => result.message?.id)).size).toBe(500)
      expect(await count()).toBe(500)
      await process.close()
      await home.remove()
    },
  )
})

describe('an account that has just been asked for, and is no more', () => {
  const make = async (uid: string) => (await service.ok('POST', '/api/v1/app', { name: 'Test', uid })).id
  const batch = async (uid: string) => {
    const messages = [{ eventType: 'test.happened', payload: {} }]
    return await service.call('POST', `/api/v1/app/${uid}/msg/batch`, { messages })
  }

  test('takes no batch', async () => {
    const id = await make('gone')
    expect((await batch('gone')).status).toBe(202)
    await service.ok('DELETE', `/api/v1/app/${id}`)
    expect(await batch('gone')).toMatchObject({ status: 404, body: { code: 'not_found' } })
  })

  test('leaves its uid to another, which gets the batch', async () => {
    const former = await make('shared')
    expect((await batch('shared')).status).toBe(202)
    await service.ok('DELETE', `/api/v1/app/${former}`)
    const id = await make('shared')
    const { status, body } = await batch('shared')
    expect([status, body.results[0].status]).toEqual([202, 202])
    const { data } = await service.ok('GET', `/api/v1/app/${id}/msg`)
    expect(data.map((message: { id: string }) => message.id)).toEqual([body.results[0].message.id])
  })
})
