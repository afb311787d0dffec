import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Account } from '#src/accounts/principal.ts'
import { ksuidTime } from '#src/adapters/ids.ts'
import { type Json, TestWorld, tally } from '../../test/endpoint-world.ts'

const url = 'https://receiver.northwind.com/hook'

let world: TestWorld
let account: Account
let at: string

beforeAll(async () => {
  world = await TestWorld.start()
})
afterAll(async () => await world.close())
beforeEach(async () => {
  account = await world.account()
  at = `/app/${account.id}/endpoint`
  world.forget()
})

async function create(body: object = {}): Promise<Json> {
  const answer = await world.call('POST', at, { body: { url, ...body } })
  expect(answer.status, answer.text).toBe(201)
  return answer.body
}

async function pending(endpointId: string): Promise<Json[]> {
  return await world.worker.query`
    select p.event_id, p.cause, p.queue, e.type, convert_from(e.payload, 'UTF8')::json as payload, e.tags, e.only_endpoint_id
      from pending p join event e on e.account_id = p.account_id and e.id = p.event_id
     where p.account_id = ${account.id} and p.endpoint_id = ${endpointId} order by p.event_id`
}

async function row(endpointId: string): Promise<Json> {
  const [found] = await world.worker.query<Json>`
    select * from endpoint where account_id = ${account.id} and id = ${endpointId}`
  return found
}

/** As a worker writes it when attempts succeed, then fail. */
async function fail(endpointId: string): Promise<void> {
  const now = world.clock.now()
  await world.worker.query`
    update endpoint set proven_at = ${now}, failing_since = ${now}, failures = 3, last_attempt_at = ${now}
     where account_id = ${account.id} and id = ${endpointId}`
}

describe('create', () => {
  test('an endpoint of a URL alone has every field of the API, under both names', async () => {
    const endpoint = await create()
    expect(endpoint).toEqual({
      id: expect.stringMatching(/^ep_[0-9A-Za-z]{27}$/),
      url,
      description: '',
      uid: null,
      disabled: false,
      eventTypes: null,
      filterTypes: null,
      channels: null,
      throttleRate: null,
      rateLimit: null,
      version: 1,
      metadata: {},
      createdAt: world.clock.now().toISOString(),
      updatedAt: world.clock.now().toISOString(),
      timeoutMs: 5000,
      retrySchedule: null,
      maxConcurrency: null,
      ordering: 'none',
      failingSince: null,
      signatureCheck: null,
      disabledReason: null,
    })
  })

  test('4: the id tells when the endpoint was made, also when later ids have been made', async () => {
    world.ids.next(new Date(world.clock.now().getTime() + 1000))
    const endpoint = await create()
    const createdAt = new Date(endpoint.createdAt).getTime()
    expect(ksuidTime(endpoint.id.replace('ep_', '')).getTime()).toBe(createdAt - (createdAt % 4))
    world.clock.advanceMs(2000)
  })

  test('every field is stored as given, and read back', async () => {
    const given = {
      url,
      description: 'Line 1\nLine 2\té😀',
      uid: 'main',
      disabled: true,
      eventTypes: ['producersync.npn.activated', 'producersync'],
      channels: ['a:b+c'],
      throttleRate: 65_535,
      metadata: { b: '1', a: '"\\,{}' },
      timeoutMs: 30_000,
      retrySchedule: [1, 86_400],
      maxConcurrency: 256,
      ordering: 'none',
    }
    const endpoint = await create(given)
    expect(endpoint).toMatchObject({ ...given, disabledReason: 'manual' })
    expect((await world.call('GET', `${at}/${endpoint.id}`)).body).toEqual(endpoint)
  })

  test('the URL is stored in its canonical form', async () => {
    expect(await create({ url: 'https://Receiver.Northwind.COM:443/a/../hook' })).toMatchObject({ url })
  })

  test('an endpoint is not made from a body that breaks several rules: all are named, nothing is there', async () => {
    const answer = await world.call('POST', at, {
      body: {
        url: 'https://10.0.0.1/',
        eventTypes: ['nobody.knows', 'producersync'],
        headers: { Host: 'canary-value' },
        secret: 'whsec_canarycanary',
        metadata: JSON.parse('{"__proto__": "x"}'),
        retrySchedule: Array.from({ length: 9 }, () => 86_400),
        ordering: 'fifo',
        maxConcurrency: 2,
      },
    })
    expect(answer.status).toBe(422)
    expect(answer.body.detail.map((fault: Json) => fault.loc)).toEqual([
      ['body', 'headers', 'Host'],
      ['body', 'secret'],
      ['body', 'url'],
      ['body', 'metadata'],
      ['body', 'retrySchedule'],
      ['body', 'maxConcurrency'],
      ['body', 'eventTypes'],
    ])
    expect(answer.body.detail.at(-1).msg).toContain('nobody.knows')
    expect(answer.body.detail.at(-1).msg).not.toContain('producersync')
    expect(answer.text).not.toContain('canary')
    expect((await world.call('GET', at)).body.data).toEqual([])
  })

  test.each<[string, object]>([
    ['url', { url: null }],
    ['url', { url: 7 }],
    ['description', { description: null }],
    ['description', { description: 'a\u0001b' }],
    ['description', { description: 'a'.repeat(4097) }],
    ['uid', { uid: '' }],
    ['uid', { uid: 'a b' }],
    ['uid', { uid: 'a'.repeat(257) }],
    ['uid', { uid: 'ep_a' }],
    ['disabled', { disabled: 'true' }],
    ['disabled', { disabled: null }],
    ['eventTypes', { eventTypes: 'producersync' }],
    ['eventTypes', { eventTypes: ['producersync', 'producersync'] }],
    ['eventTypes/[0]', { eventTypes: ['a b'] }],
    ['eventTypes/[0]', { eventTypes: ['-a'] }],
    ['channels', { channels: Array.from({ length: 11 }, (_, n) => `c${n}`) }],
    ['channels/[0]', { channels: ['a'.repeat(129)] }],
    ['throttleRate', { throttleRate: 0 }],
    ['throttleRate', { throttleRate: 65_536 }],
    ['throttleRate', { throttleRate: '10' }],
    ['throttleRate', { throttleRate: 1.5 }],
    ['metadata/a', { metadata: { a: 1 } }],
    ['metadata/a\nb', { metadata: { 'a\nb': 1 } }],
    ['metadata', { metadata: { a: 'a'.repeat(4096) } }],
    ['metadata', { metadata: { a: '\0' } }],
    ['metadata', { metadata: { constructor: 'a' } }],
    ['metadata', { metadata: { prototype: 'a' } }],
    ['metadata', { metadata: null }],
    ['version', { version: 0 }],
    ['timeoutMs', { timeoutMs: 999 }],
    ['timeoutMs', { timeoutMs: 30_001 }],
    ['retrySchedule', { retrySchedule: Array.from({ length: 25 }, () => 1) }],
    ['retrySchedule/[0]', { retrySchedule: [0] }],
    ['retrySchedule/[0]', { retrySchedule: [86_401] }],
    ['maxConcurrency', { maxConcurrency: 0 }],
    ['maxConcurrency', { maxConcurrency: 257 }],
    ['ordering', { ordering: 'lifo' }],
    ['headers/x-a', { headers: { 'x-a': 1 } }],
    ['headers/a\nb', { headers: { 'a\nb': 1 } }],
    ['secret', { secret: 7 }],
  ])('%s is refused where it stands: %j', async (place, body) => {
    const answer = await world.call('POST', at, { body: { url, ...body } })
    expect(answer.status, answer.text).toBe(422)
    expect(answer.body.detail.map((fault: Json) => fault.loc.slice(1).join('/'))).toEqual([place])
  })

  test.each(['\0', '\ud800'])('what the database cannot hold is 422 in every text: %j', async (text) => {
    const values = {
      description: text,
      uid: text,
      eventTypes: [text],
      channels: [text],
      metadata: { a: text, [text]: 'a' },
    }
    for (const [name, value] of Object.entries({
      ...values,
      headers: { 'x-a': text },
      secret: text,
      url: `${url}${text}`,
    })) {
      expect((await world.call('POST', at, { body: { url, [name]: value } })).status, name).toBe(422)
    }
  })

  test('the neighbours of refused values are taken', async () => {
    await create({ metadata: { a: 'a'.repeat(4088) } })
    await create({ retrySchedule: Array.from({ length: 8 }, () => 86_400), timeoutMs: 1000 })
    await create({ retrySchedule: [], ordering: 'fifo', maxConcurrency: 1, throttleRate: 1 })
    await create({ uid: 'a'.repeat(256), channels: Array.from({ length: 10 }, (_, n) => `${n}`.padStart(128, 'c')) })
    await create({ description: 'a'.repeat(4096), secret: null, headers: null, uid: null })
  })

  test('10: an empty list of event types or channels is no restriction', async () => {
    expect(await create({ eventTypes: [], channels: [] })).toMatchObject({ eventTypes: null, channels: null })
    expect(await create({ filterTypes: [] })).toMatchObject({ eventTypes: null })
  })

  test('9: both names of a field are taken, equal together, and 422 when they differ', async () => {
    expect(await create({ filterTypes: ['producersync'], rateLimit: 7 })).toMatchObject({
      eventTypes: ['producersync'],
      filterTypes: ['producersync'],
      throttleRate: 7,
      rateLimit: 7,
    })
    expect(
      await create({ eventTypes: ['producersync'], filterTypes: ['producersync'], rateLimit: 7, throttleRate: 7 }),
    ).toMatchObject({ eventTypes: ['producersync'], rateLimit: 7 })
    const answer = await world.call('POST', at, {
      body: { url, eventTypes: null, filterTypes: ['producersync'], rateLimit: 7, throttleRate: 8 },
    })
    expect(answer.status).toBe(422)
    expect(answer.body.detail.map((fault: Json) => fault.loc[1])).toEqual(['filterTypes', 'rateLimit'])
  })

  test('11: an unknown field is ignored and named, a protected one refused', async () => {
    const answer = await world.call('POST', at, { body: { url, timeoutMS: 7, version: 3 } })
    expect(answer.status).toBe(201)
    expect(answer.headers['x-ignored-fields']).toBe('timeoutMS')
    for (const name of [
      'id',
      'appId',
      'app_id',
      'accountId',
      'createdAt',
      'created_at',
      'failingSince',
      'disabledReason',
    ]) {
      const refused = await world.call('POST', at, { body: { url, [name]: 'x' } })
      expect(refused.status).toBe(422)
      expect(refused.body.detail).toMatchObject([{ loc: ['body', name], type: 'value_error.read_only' }])
    }
  })

  test('the same Idempotency-Key makes one endpoint with one test request, and gives one answer', async () => {
    const headers = { 'idempotency-key': 'auto_1' }
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => world.call('POST', at, { body: { url }, headers })),
    )
    expect(new Set(answers.map((answer) => `${answer.status} ${answer.text}`)).size).toBe(1)
    const { data } = (await world.call('GET', at)).body
    expect(data).toHaveLength(1)
    expect(await pending(data[0].id)).toHaveLength(1)
    expect(world.planned).toHaveLength(1)
    expect((await world.call('POST', at, { body: { url, description: 'x' }, headers })).status).toBe(409)
  })

  test('a repeat gets the first answer also when the URL has become forbidden', async () => {
    const headers = { 'idempotency-key': 'auto_2' }
    const first = await world.call('POST', at, { body: { url }, headers })
    const { checkTarget } = world
    world.checkTarget = async () => ({ ok: false, reason: 'address not allowed' })
    const second = await world.call('POST', at, { body: { url }, headers })
    world.checkTarget = checkTarget
    expect([second.status, second.text]).toEqual([201, first.text])
  })
})

describe('uids', () => {
  test('5: id and uid name the same endpoint, and a uid is free again right after DELETE', async () => {
    const endpoint = await create({ uid: 'main' })
    for (const path of ['', '/headers', '/secret']) {
      const [byId, byUid] = await Promise.all([
        world.call('GET', `${at}/${endpoint.id}${path}`),
        world.call('GET', `${at}/main${path}`),
      ])
      expect(byUid).toMatchObject({ status: 200, text: byId.text })
    }
    expect((await world.call('DELETE', `${at}/main`)).status).toBe(204)
    expect((await create({ uid: 'main' })).id).not.toBe(endpoint.id)
  })

  test('a taken uid is 409, of another account it is free; 20 at once make one', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => world.call('POST', at, { body: { url, uid: 'main' } })),
    )
    expect(tally(answers)).toEqual({ 201: 1, 409: 19 })
    expect(answers.find((answer) => answer.status === 409)?.body).toMatchObject({ code: 'conflict' })
    const other = await world.account()
    expect((await world.call('POST', `/app/${other.id}/endpoint`, { body: { url, uid: 'main' } })).status).toBe(201)
    const endpoint = await create({ uid: 'other' })
    for (const method of ['PUT', 'PATCH'] as const) {
      const answer = await world.call(method, `${at}/${endpoint.id}`, { body: { url, uid: 'main' } })
      expect(answer).toMatchObject({ status: 409, body: { code: 'conflict' } })
    }
    expect((await world.call('GET', `${at}/${endpoint.id}`)).body).toEqual(endpoint)
  })
})

describe('how many', () => {
  test('the 101st endpoint is 409, one after a deletion is taken, and parallel creations pass no limit', async () => {
    await world.setting('production', { endpointsMax: 5 })
    const answers = await Promise.all(Array.from({ length: 20 }, () => world.call('POST', at, { body: { url } })))
    expect(answers.filter((answer) => answer.status === 201)).toHaveLength(5)
    for (const answer of answers.filter((each) => each.status !== 201)) {
      expect(answer).toMatchObject({ status: 409, body: { code: 'limit_reached' } })
    }
    const puts = await Promise.all(
      Array.from({ length: 5 }, (_, n) => world.call('PUT', `${at}/new-${n}`, { body: { url } })),
    )
    expect(puts.map((put) => put.status)).toEqual([409, 409, 409, 409, 409])
    const { data } = (await world.call('GET', at)).body
    expect(data).toHaveLength(5)
    await world.call('DELETE', `${at}/${data[0].id}`)
    await create()
    expect((await world.call('POST', at, { body: { url } })).status).toBe(409)
    await world.setting('production', {})
    expect((await world.call('POST', at, { body: { url } })).status).toBe(201)
  })
})

describe('list', () => {
  test('newest first, page by page forwards and back, in both orders', async () => {
    const ids: string[] = []
    for (let n = 0; n < 7; n += 1) ids.unshift((await create()).id)
    for (const order of ['descending', 'ascending'] as const) {
      const expected = order === 'descending' ? ids : ids.toReversed()
      const seen: string[] = []
      let page = (await world.call('GET', `${at}?limit=3&order=${order}`)).body
      for (;;) {
        seen.push(...page.data.map((endpoint: Json) => endpoint.id))
        expect(page.iterator).toBe(seen.at(-1))
        if (page.done) break
        page = (await world.call('GET', `${at}?limit=3&order=${order}&iterator=${page.iterator}`)).body
      }
      expect(seen).toEqual(expected)
      const back = (await world.call('GET', `${at}?limit=3&order=${order}&iterator=${page.prevIterator}`)).body
      expect(back.data.map((endpoint: Json) => endpoint.id)).toEqual(expected.slice(3, 6))
    }
    expect((await world.call('GET', at)).body.data.map((endpoint: Json) => endpoint.id)).toEqual(ids)
  })

  test('13: limits and iterators', async () => {
    const endpoint = await create()
    await world.call('DELETE', `${at}/${endpoint.id}`)
    expect((await world.call('GET', `${at}?iterator=${endpoint.id}`)).body).toEqual({
      data: [],
      iterator: null,
      done: true,
    })
    const statuses = async (query: string) => (await world.call('GET', `${at}?${query}`)).status
    expect(await statuses('limit=0')).toBe(422)
    expect(await statuses('limit=251')).toBe(422)
    expect(await statuses('limit=250')).toBe(200)
    expect(await statuses('limit=x')).toBe(400)
    expect(await statuses(`iterator=ep_${'z'.repeat(27)}`)).toBe(422)
    expect(await statuses(`iterator=ep_${'0'.repeat(27)}`)).toBe(200)
    expect(await statuses(`iterator=msg_${'0'.repeat(27)}`)).toBe(422)
    expect(await statuses('order=sideways')).toBeGreaterThanOrEqual(400)
  })
})

describe('PUT', () => {
  test('7: by a new uid, twice: 201, then 200, one endpoint', async () => {
    const first = await world.call('PUT', `${at}/main`, { body: { url } })
    const second = await world.call('PUT', `${at}/main`, { body: { url, description: 'x' } })
    expect([first.status, second.status]).toEqual([201, 200])
    expect(first.body.uid).toBe('main')
    expect(second.body).toEqual({ ...first.body, description: 'x' })
    expect((await world.call('GET', at)).body.data).toEqual([second.body])
  })

  test('7: 8 at once make one endpoint, and none is refused', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, n) => world.call('PUT', `${at}/main`, { body: { url, description: `${n}` } })),
    )
    expect(tally(answers)).toEqual({ 200: 7, 201: 1 })
    expect(new Set(answers.map((answer) => answer.body.id)).size).toBe(1)
  })

  test('a new uid that differs from the body, an unknown id and a malformed name make nothing', async () => {
    const differs = await world.call('PUT', `${at}/main`, { body: { url, uid: 'other' } })
    expect(differs).toMatchObject({ status: 422, body: { detail: [{ loc: ['body', 'uid'] }] } })
    expect((await world.call('PUT', `${at}/main`, { body: { url, uid: 'main' } })).status).toBe(201)
    for (const name of [`ep_${'0'.repeat(27)}`, `ep_${'z'.repeat(27)}`, 'ep_', 'a%20b', '%00', 'a'.repeat(257)]) {
      expect((await world.call('PUT', `${at}/${name}`, { body: { url } })).status, name).toBe(404)
    }
    expect((await world.call('GET', at)).body.data).toHaveLength(1)
  })

  test('12: what SDKs know takes its default, what they do not know is kept, uid, headers and secret too', async () => {
    const kept = { uid: 'main', timeoutMs: 7000, retrySchedule: [9], maxConcurrency: 1, ordering: 'fifo' }
    const endpoint = await create({
      ...kept,
      description: 'x',
      eventTypes: ['producersync'],
      channels: ['a'],
      throttleRate: 5,
      metadata: { a: '1' },
      disabled: true,
      headers: { 'x-a': '1' },
    })
    const secret = (await world.call('GET', `${at}/main/secret`)).body
    const answer = await world.call('PUT', `${at}/${endpoint.id}`, { body: { url } })
    expect(answer.status).toBe(200)
    expect(answer.body).toMatchObject({
      ...kept,
      description: '',
      eventTypes: null,
      channels: null,
      throttleRate: null,
      metadata: {},
      disabled: false,
    })
    expect((await world.call('GET', `${at}/main/headers`)).body).toEqual({ headers: { 'x-a': '1' }, sensitive: [] })
    expect((await world.call('GET', `${at}/main/secret`)).body).toEqual(secret)
  })

  test('11: the endpoint’s own GET answer sent back is 200 and changes nothing', async () => {
    const endpoint = await create({
      uid: 'main',
      eventTypes: ['producersync'],
      throttleRate: 3,
      disabled: true,
      metadata: { a: '1' },
    })
    for (const method of ['PUT', 'PATCH'] as const) {
      const answer = await world.call(method, `${at}/${endpoint.id}`, { body: endpoint })
      expect(answer.status, answer.text).toBe(200)
      expect(answer.body).toEqual(endpoint)
      expect(answer.headers['x-ignored-fields']).toBe('updatedAt')
    }
  })
})

describe('PATCH', () => {
  test('8: absent leaves, null clears', async () => {
    const given = {
      description: 'x',
      uid: 'main',
      eventTypes: ['producersync'],
      channels: ['a'],
      throttleRate: 5,
      metadata: { a: '1' },
      timeoutMs: 7000,
      retrySchedule: [9],
      maxConcurrency: 1,
      ordering: 'fifo',
    }
    const endpoint = await create(given)
    expect((await world.call('PATCH', `${at}/main`, { body: {} })).body).toEqual(endpoint)
    expect((await world.call('PATCH', `${at}/main`)).body).toEqual(endpoint)
    const nulls = [
      'uid',
      'eventTypes',
      'channels',
      'throttleRate',
      'timeoutMs',
      'retrySchedule',
      'maxConcurrency',
      'ordering',
    ]
    const answer = await world.call('PATCH', `${at}/main`, {
      body: Object.fromEntries(nulls.map((name) => [name, null])),
    })
    expect(answer.status, answer.text).toBe(200)
    expect(answer.body).toMatchObject({
      description: 'x',
      metadata: { a: '1' },
      uid: null,
      eventTypes: null,
      channels: null,
      throttleRate: null,
      timeoutMs: 5000,
      retrySchedule: null,
      maxConcurrency: null,
      ordering: 'none',
    })
  })

  test.each(['url', 'description', 'disabled', 'metadata'])(
    '8: null for %s is 422 and changes nothing',
    async (name) => {
      const endpoint = await create({ description: 'x', metadata: { a: '1' } })
      const answer = await world.call('PATCH', `${at}/${endpoint.id}`, { body: { [name]: null, throttleRate: 9 } })
      expect(answer).toMatchObject({ status: 422, body: { detail: [{ loc: ['body', name] }] } })
      expect((await world.call('GET', `${at}/${endpoint.id}`)).body).toEqual(endpoint)
    },
  )

  test('11: protected fields are 422 and change nothing', async () => {
    const endpoint = await create()
    for (const body of [
      { id: 'x' },
      { appId: 'x' },
      { createdAt: '2020-01-01T00:00:00Z' },
      { secret: 'x' },
      { failingSince: 'x' },
    ]) {
      for (const method of ['PUT', 'PATCH'] as const) {
        const answer = await world.call(method, `${at}/${endpoint.id}`, { body: { url, description: 'x', ...body } })
        expect(answer).toMatchObject({ status: 422, body: { detail: [{ type: 'value_error.read_only' }] } })
      }
    }
    expect((await world.call('GET', `${at}/${endpoint.id}`)).body).toEqual(endpoint)
    expect((await world.call('PATCH', `${at}/${endpoint.id}`, { body: { secret: null } })).status).toBe(200)
  })

  test('a rule between two fields holds for what is there already', async () => {
    const endpoint = await create({ maxConcurrency: 5 })
    const answer = await world.call('PATCH', `${at}/${endpoint.id}`, { body: { ordering: 'fifo' } })
    expect(answer).toMatchObject({ status: 422, body: { detail: [{ loc: ['body', 'maxConcurrency'] }] } })
    const both = await world.call('PATCH', `${at}/${endpoint.id}`, { body: { ordering: 'fifo', maxConcurrency: 1 } })
    expect(both.body).toMatchObject({ ordering: 'fifo', maxConcurrency: 1 })
  })

  test('10 at once, each of another field’s value, lose none', async () => {
    const endpoint = await create()
    const bodies = [
      { description: 'x' },
      { throttleRate: 7 },
      { timeoutMs: 7000 },
      { channels: ['a'] },
      { metadata: { a: '1' } },
    ]
    const answers = await Promise.all(
      [...bodies, ...bodies].map((body) => world.call('PATCH', `${at}/${endpoint.id}`, { body })),
    )
    expect(answers.every((answer) => answer.status === 200)).toBe(true)
    expect((await world.call('GET', `${at}/${endpoint.id}`)).body).toMatchObject(Object.assign({}, ...bodies))
  })
})

describe('what attempts must obey', () => {
  test.each<[string, object, boolean]>([
    ['description', { description: 'x' }, false],
    ['metadata', { metadata: { a: '1' } }, false],
    ['uid', { uid: 'main' }, false],
    ['event types', { eventTypes: ['producersync'] }, false],
    ['nothing', {}, false],
    ['URL', { url: `${url}2` }, true],
    ['rate', { throttleRate: 5 }, true],
    ['timeout', { timeoutMs: 7000 }, true],
    ['schedule', { retrySchedule: [] }, true],
    ['concurrency', { maxConcurrency: 3 }, true],
    ['order', { ordering: 'fifo' }, true],
    ['disabled', { disabled: true }, true],
  ])('a changed %s: the version grows or stays, and the owner of the lane is told', async (_, body, grows) => {
    const endpoint = await create()
    const before = await row(endpoint.id)
    world.forget()
    await world.call('PATCH', `${at}/${endpoint.id}`, { body })
    expect((await row(endpoint.id)).version).toBe(before.version + (grows ? 1 : 0))
    expect(world.lanes).toEqual([endpoint.id])
  })

  test('disabling cancels what is planned, and by whom it was shows; enabling clears the failure clock', async () => {
    const endpoint = await create()
    await fail(endpoint.id)
    expect((await world.call('GET', `${at}/${endpoint.id}`)).body.failingSince).toBe(world.clock.now().toISOString())
    world.clock.advanceMs(5000)
    const disabled = await world.call('PATCH', `${at}/${endpoint.id}`, { body: { disabled: true } })
    expect(disabled.body).toMatchObject({ disabled: true, disabledReason: 'manual', failingSince: endpoint.createdAt })
    expect(await row(endpoint.id)).toMatchObject({ canceled_before: world.clock.now(), failures: 3 })
    const mark = world.clock.now()
    world.clock.advanceMs(5000)
    const enabled = await world.call('PATCH', `${at}/${endpoint.id}`, { body: { disabled: false } })
    expect(enabled.body).toMatchObject({ disabled: false, disabledReason: null, failingSince: null })
    expect(await row(endpoint.id)).toMatchObject({ canceled_before: mark, failures: 0, last_attempt_at: null })
  })

  test('saying again what is so changes nothing: not why it was disabled, nor the failures of an enabled one', async () => {
    const endpoint = await create()
    await fail(endpoint.id)
    await world.call('PUT', `${at}/${endpoint.id}`, { body: { url } })
    expect(await row(endpoint.id)).toMatchObject({ failures: 3, canceled_before: null })
    await world.worker.query`
      update endpoint set disabled = true, disabled_reason = 'failures' where account_id = ${account.id} and id = ${endpoint.id}`
    const answer = await world.call('PATCH', `${at}/${endpoint.id}`, { body: { disabled: true } })
    expect(answer.body).toMatchObject({ disabled: true, disabledReason: 'failures' })
  })

  test('another URL is unproven, and the failures of the old one are forgotten; the same URL is not another', async () => {
    const endpoint = await create()
    await fail(endpoint.id)
    await world.call('PATCH', `${at}/${endpoint.id}`, { body: { url: 'https://RECEIVER.northwind.com/hook' } })
    expect(await row(endpoint.id)).toMatchObject({ proven_at: world.clock.now(), failures: 3 })
    await world.call('PATCH', `${at}/${endpoint.id}`, { body: { url: `${url}2` } })
    expect(await row(endpoint.id)).toMatchObject({
      proven_at: null,
      failing_since: null,
      failures: 0,
      last_attempt_at: null,
    })
  })

  test('a forbidden URL leaves the endpoint as it is', async () => {
    const endpoint = await create()
    for (const method of ['PUT', 'PATCH'] as const) {
      for (const bad of ['https://10.0.0.1/', 'http://receiver.northwind.com/hook']) {
        const answer = await world.call(method, `${at}/${endpoint.id}`, { body: { url: bad } })
        expect(answer).toMatchObject({ status: 422, body: { detail: [{ loc: ['body', 'url'] }] } })
      }
    }
    expect((await world.call('GET', `${at}/${endpoint.id}`)).body).toEqual(endpoint)
  })

  test('DELETE ends it at once: gone for every request, planned deliveries canceled, secrets and headers removed', async () => {
    const endpoint = await create({ uid: 'main', headers: { authorization: 'canary' } })
    world.forget()
    expect((await world.call('DELETE', `${at}/main`)).status).toBe(204)
    expect(await row(endpoint.id)).toMatchObject({
      deleted_at: world.clock.now(),
      canceled_before: world.clock.now(),
      headers: null,
    })
    const secrets = await world.worker.query`select id from endpoint_secret where endpoint_id = ${endpoint.id}`
    expect(secrets).toEqual([])
    expect(world.lanes).toEqual([endpoint.id])
    for (const method of ['GET', 'PATCH', 'DELETE'] as const) {
      expect((await world.call(method, `${at}/${endpoint.id}`)).status).toBe(404)
      expect((await world.call(method, `${at}/main`)).status).toBe(404)
    }
    expect((await world.call('PUT', `${at}/${endpoint.id}`, { body: { url } })).status).toBe(404)
    expect((await world.call('GET', at)).body.data).toEqual([])
  })
})

describe('event types', () => {
  test('types, groups and parts of groups can be chosen, archived and unknown ones cannot', async () => {
    await world.call('POST', '/event-type', {
      body: { name: 'invoice.paid', description: '', groupName: 'billing.invoices' },
    })
    await world.call('POST', '/event-type', {
      body: { name: 'invoice.old', description: '', groupName: 'billing.old' },
    })
    const endpoint = await create({
      eventTypes: ['invoice.paid', 'billing', 'billing.invoices', 'billing.old', 'invoice.old'],
    })
    await create({ eventTypes: ['producersync.npn.data_ready'] })
    await world.call('DELETE', '/event-type/invoice.old')
    const refused = async (body: object) => await world.call('PATCH', `${at}/${endpoint.id}`, { body })
    for (const name of ['invoice', 'billing.inv', 'billing.invoices.paid', 'Billing', 'webhook.ping']) {
      const answer = await refused({ eventTypes: [name] })
      expect(answer, name).toMatchObject({ status: 422, body: { detail: [{ loc: ['body', 'eventTypes'] }] } })
      expect(answer.body.detail[0].msg).toContain(name)
    }
    // what it has already may be archived by now
    expect((await refused({ eventTypes: ['invoice.old', 'billing.old', 'billing'] })).status).toBe(200)
    expect((await refused({ eventTypes: null })).status).toBe(200)
    expect((await refused({ eventTypes: ['invoice.old'] })).status).toBe(422)
    expect((await refused({ eventTypes: ['billing.old'] })).status).toBe(422)
  })

  test('22: a type with feature flags does not exist for an app token without one of them, unless the endpoint has it', async () => {
    const body = { name: 'beta.thing', description: '', groupName: 'beta', featureFlags: ['beta-flag', 'other'] }
    await world.call('POST', '/event-type', { body })
    const [without, withFlag] = [world.token(account), world.token(account, undefined, ['beta-flag'])]
    for (const eventTypes of [['beta.thing'], ['beta']]) {
      expect((await world.call('POST', at, { body: { url, eventTypes }, token: without })).status).toBe(422)
      expect((await world.call('POST', at, { body: { url, eventTypes }, token: withFlag })).status).toBe(201)
    }
    const endpoint = await create({ eventTypes: ['beta.thing'] })
    const answer = await world.call('PATCH', `${at}/${endpoint.id}`, {
      body: { eventTypes: ['beta.thing', 'producersync'] },
      token: without,
    })
    expect(answer.status).toBe(200)
  })
})

describe('48: the test request', () => {
  test('goes out on creation: one webhook.ping for this endpoint alone, committed with it', async () => {
    await create({ eventTypes: ['producersync'] })
    world.forget()
    const endpoint = await create({ eventTypes: ['producersync'], channels: ['a'] })
    const [planned, ...more] = await pending(endpoint.id)
    expect(more).toEqual([])
    expect(planned).toMatchObject({ cause: 'test', queue: 0, type: 'webhook.ping', tags: ['webhook.test'] })
    expect(planned.event_id).toMatch(/^msg_[0-9A-Za-z]{27}$/)
    expect(planned.payload).toEqual({
      id: planned.event_id.replace('msg_', 'evt_'),
      type: 'webhook.ping',
      timestamp: world.clock.now().toISOString(),
      data: {},
    })
    expect(world.planned).toMatchObject([{ endpointId: endpoint.id, eventId: planned.event_id }])
  })

  test('goes out for another URL by PUT and PATCH, and for nothing else', async () => {
    const endpoint = await create()
    const count = async () => (await pending(endpoint.id)).length
    await world.call('PATCH', `${at}/${endpoint.id}`, { body: { description: 'x', timeoutMs: 7000, url } })
    await world.call('PATCH', `${at}/${endpoint.id}`, { body: { url: 'https://RECEIVER.northwind.com/hook' } })
    await world.call('PUT', `${at}/${endpoint.id}`, { body: { url, description: 'y' } })
    expect(await count()).toBe(1)
    world.forget()
    await world.call('PATCH', `${at}/${endpoint.id}`, { body: { url: `${url}2` } })
    expect(await count()).toBe(2)
    expect(world.planned).toMatchObject([{ dueAt: world.clock.now() }])
    await world.call('PUT', `${at}/${endpoint.id}`, { body: { url: `${url}3` } })
    expect(await count()).toBe(3)
  })

  test('goes to no disabled endpoint', async () => {
    const endpoint = await create({ disabled: true })
    await world.call('PATCH', `${at}/${endpoint.id}`, { body: { url: `${url}2` } })
    await world.call('PATCH', `${at}/${endpoint.id}`, { body: { disabled: false } })
    expect(await pending(endpoint.id)).toEqual([])
    await world.call('PATCH', `${at}/${endpoint.id}`, { body: { disabled: true, url: `${url}3` } })
    expect(await pending(endpoint.id)).toEqual([])
  })

  test('is not planned when the endpoint is refused, and not sent where the setting is off', async () => {
    await world.call('POST', at, { body: { url, eventTypes: ['nobody.knows'] } })
    expect(await world.worker.query`select 1 from pending where account_id = ${account.id}`).toEqual([])
    await world.setting('production', { testRequestOnSave: false })
    const endpoint = await create()
    await world.call('PATCH', `${at}/${endpoint.id}`, { body: { url: `${url}2` } })
    expect(await pending(endpoint.id)).toEqual([])
    await world.setting('production', {})
  })
})

describe('who may', () => {
  test('an id or uid that is unknown, deleted, malformed, of another account or environment: one 404 on every route', async () => {
    const mine = await create({ uid: 'mine' })
    const deleted = await create()
    await world.call('DELETE', `${at}/${deleted.id}`)
    const other = await world.account()
    const foreign = (await world.call('POST', `/app/${other.id}/endpoint`, { body: { url, uid: 'theirs' } })).body
    const names = [
      foreign.id,
      'theirs',
      deleted.id,
      `ep_${'0'.repeat(27)}`,
      `ep_${'z'.repeat(27)}`,
      'nobody',
      'a%20b',
      '%00',
      `msg_${mine.id.slice(3)}`,
    ]
    const token = world.token(account)
    const routes = [
      ['GET', ''],
      ['PATCH', ''],
      ['DELETE', ''],
      ['GET', '/headers'],
      ['PUT', '/headers'],
      ['PATCH', '/headers'],
      ['GET', '/secret'],
      ['POST', '/secret/rotate'],
      ['POST', '/send-example'],
    ] as const
    const answers = await Promise.all(
      names.flatMap((name) => routes.map(([method, path]) => world.call(method, `${at}/${name}${path}`, { token }))),
    )
    expect(new Set(answers.map((answer) => `${answer.status} ${answer.text}`))).toEqual(
      new Set([`404 ${JSON.stringify({ code: 'not_found', detail: 'Entity not found' })}`]),
    )
    for (const app of [other.id, `app_${'0'.repeat(27)}`]) {
      expect((await world.call('GET', `/app/${app}/endpoint/${foreign.id}`, { token })).status).toBe(404)
    }
    expect((await world.call('GET', `${at}/${mine.id}`, { token: 'sandbox' })).status).toBe(404)
    expect((await world.call('GET', `/app/${other.id}/endpoint/theirs`)).body).toEqual(foreign)
  })

  test('20: each capability allows exactly its operations', async () => {
    const endpoint = await create()
    const operations: [string, 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', string, object | undefined][] = [
      ['ViewBase', 'GET', '', undefined],
      ['ViewBase', 'GET', `/${endpoint.id}`, undefined],
      ['ViewBase', 'GET', `/${endpoint.id}/headers`, undefined],
      ['ViewEndpointSecret', 'GET', `/${endpoint.id}/secret`, undefined],
      ['ManageEndpointSecret', 'POST', `/${endpoint.id}/secret/rotate`, {}],
      ['CreateAttempts', 'POST', `/${endpoint.id}/send-example`, { eventType: 'webhook.ping' }],
      ['ManageEndpoint', 'POST', '', { url }],
      ['ManageEndpoint', 'PUT', `/${endpoint.id}`, { url }],
      ['ManageEndpoint', 'PUT', '/new', { url }],
      ['ManageEndpoint', 'PATCH', `/${endpoint.id}`, {}],
      ['ManageEndpoint', 'PUT', `/${endpoint.id}/headers`, { headers: {} }],
      ['ManageEndpoint', 'PATCH', `/${endpoint.id}/headers`, { headers: {} }],
      ['ManageEndpoint', 'DELETE', `/${endpoint.id}`, undefined],
    ]
    for (const capability of [
      'ViewBase',
      'ViewEndpointSecret',
      'ManageEndpointSecret',
      'CreateAttempts',
      'ManageTransformations',
      'ManageEndpoint',
    ] as const) {
      const token = world.token(account, ['ViewBase', capability])
      for (const [needed, method, path, body] of operations) {
        const { status } = await world.call(method, `${at}${path}`, { token, body })
        const allowed = needed === capability || needed === 'ViewBase'
        expect(allowed ? status < 300 : status === 403, `${capability}: ${method} ${path} ${status}`).toBe(true)
      }
    }
  })

  test('20: a secret of one’s own on creation needs ManageEndpointSecret', async () => {
    const body = { url, secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' }
    const token = world.token(account, ['ViewBase', 'ManageEndpoint'])
    expect(await world.call('POST', at, { token, body })).toMatchObject({
      status: 403,
      body: { code: 'insufficient access' },
    })
    expect((await world.call('POST', at, { token, body: { url, secret: null } })).status).toBe(201)
    const both = world.token(account, ['ViewBase', 'ManageEndpoint', 'ManageEndpointSecret'])
    expect((await world.call('POST', at, { token: both, body })).status).toBe(201)
  })

  test('an endpoint is asked for before the capability, and the capability before the body', async () => {
    const endpoint = await create()
    const token = world.token(account, ['ViewBase'])
    expect((await world.call('PATCH', `${at}/nobody`, { token, body: '{' })).status).toBe(404)
    expect((await world.call('PATCH', `${at}/${endpoint.id}`, { token, body: '{' })).status).toBe(403)
    expect((await world.call('PATCH', `${at}/${endpoint.id}`, { body: '{' })).status).toBe(422)
  })

  test('nothing is made for an account that is deleted at the same moment', async () => {
    const { answer } = await world.within('production', undefined, async (tx) => {
      await tx.query`update account set deleted_at = ${world.clock.now()} where id = ${account.id}`
      const request = world.call('POST', at, { body: { url } })
      // it has found the account, and waits for the row that this transaction holds
      await world.waitForLock()
      return { answer: request }
    })
    expect((await answer).status).toBe(404)
    expect(await world.worker.query`select 1 from endpoint where account_id = ${account.id}`).toEqual([])
  })
})
