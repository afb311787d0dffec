import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Answer, type Json, TestWorld, tally } from '../../test/endpoint-world.ts'
import { seedEventTypes } from './event-type-store.ts'
import { producersyncTypes } from './producersync-types.ts'

let world: TestWorld

beforeAll(async () => {
  world = await TestWorld.start()
})
afterAll(async () => await world.close())

let made = 0
/** A name that no other test has. */
function fresh(): string {
  made += 1
  return `test.type${String(made).padStart(3, '0')}`
}

async function post(body: object | string, options: object = {}): Promise<Answer> {
  return await world.call('POST', '/event-type', { body, ...options })
}

async function get(name: string, options: object = {}): Promise<Answer> {
  return await world.call('GET', `/event-type/${name}`, options)
}

async function names(query = '', options: object = {}): Promise<string[]> {
  const answer = await world.call('GET', `/event-type?limit=250${query}`, options)
  return answer.body.data.map((type: Json) => type.name)
}

describe('the service’s own types', () => {
  test('stand in every environment, in group producersync, with schema and example', async () => {
    for (const token of ['sandbox', 'production']) {
      const answer = await world.call('GET', '/event-type?with_content=true', { token })
      const types = answer.body.data.filter((type: Json) => type.groupName === 'producersync')
      expect(types.map((type: Json) => type.name)).toEqual(producersyncTypes.map((type) => type.name).sort())
      for (const type of types) {
        const [version, ...more] = Object.keys(type.schemas)
        expect([version, more]).toEqual(['1', []])
        expect(type.schemas['1'].$schema).toBe('https://json-schema.org/draft/2020-12/schema')
        expect(new Ajv2020().validateSchema(type.schemas['1'])).toBe(true)
        expect(type.schemas['1'].examples[0].type).toBe(type.name)
      }
    }
  })

  test('seeded again they stay as they are; a changed or archived one is put right', async () => {
    const before = (await get('producersync.npn.activated')).body
    world.clock.advanceMs(1000)
    const seed = async () =>
      await world.within('production', undefined, (tx) => seedEventTypes(tx, 'production', world.clock.now()))
    await seed()
    expect((await get('producersync.npn.activated')).body).toEqual(before)
    await world.owner.query`
      update event_type set description = 'old', archived = true, built_in = false where name = 'producersync.npn.activated'`
    await seed()
    const { updatedAt } = (await get('producersync.npn.activated')).body
    expect((await get('producersync.npn.activated')).body).toEqual({ ...before, updatedAt })
    expect((await post({ name: 'producersync.npn.activated', description: 'mine' })).status).toBe(409)
  })

  test('cannot be changed: 409', async () => {
    for (const { name } of producersyncTypes) {
      const before = (await get(name)).body
      const answers = [
        await post({ name, description: 'mine' }),
        await world.call('PUT', `/event-type/${name}`, { body: { description: 'mine' } }),
        await world.call('PATCH', `/event-type/${name}`, { body: { description: 'mine' } }),
        await world.call('DELETE', `/event-type/${name}`),
        await world.call('DELETE', `/event-type/${name}?expunge=true`),
      ]
      expect(answers.map((answer) => answer.status)).toEqual([409, 409, 409, 409, 409])
      expect((await get(name)).body).toEqual(before)
    }
  })
})

describe('create', () => {
  test('a type of a name and a description has every field of the API', async () => {
    const name = fresh()
    const answer = await post({ name, description: 'What it is' })
    expect(answer.status).toBe(201)
    expect(answer.body).toEqual({
      name,
      description: 'What it is',
      groupName: null,
      archived: false,
      deprecated: false,
      featureFlags: null,
      featureFlag: null,
      schemas: null,
      createdAt: world.clock.now().toISOString(),
      updatedAt: world.clock.now().toISOString(),
    })
    expect((await get(name)).body).toEqual(answer.body)
  })

  test('every field is kept', async () => {
    const given = {
      name: fresh(),
      description: '',
      groupName: 'a.b',
      deprecated: true,
      archived: true,
      featureFlags: ['x', 'y'],
      schemas: { 1: { type: 'object' }, 2: { type: 'null' } },
    }
    const answer = await post(given)
    expect(answer.body).toMatchObject({ ...given, featureFlag: 'x' })
    expect((await get(given.name)).body).toEqual(answer.body)
  })

  test('a live name is 409, an archived one comes back with the new settings alone; 10 at once make one', async () => {
    const name = fresh()
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, n) => post({ name, description: `${n}`, groupName: 'a', deprecated: true })),
    )
    expect(tally(answers)).toEqual({ 201: 1, 409: 9 })
    expect(answers.find((answer) => answer.status === 409)?.body.code).toBe('event_type_exists')
    await world.call('DELETE', `/event-type/${name}`)
    const again = await post({ name, description: 'again' })
    expect(again.status).toBe(201)
    expect(again.body).toMatchObject({ archived: false, deprecated: false, groupName: null, description: 'again' })
  })

  test('once for one Idempotency-Key', async () => {
    const body = { name: fresh(), description: '' }
    const headers = { 'idempotency-key': 'auto_type' }
    const [first, second] = [await post(body, { headers }), await post(body, { headers })]
    expect([second.status, second.text]).toEqual([201, first.text])
  })

  test.each<[string, object]>([
    ['name', { name: '' }],
    ['name', { name: '-a' }],
    ['name', { name: 'a b' }],
    ['name', { name: 'a'.repeat(257) }],
    ['description', { description: null }],
    ['description', { description: 'a'.repeat(4097) }],
    ['groupName', { groupName: '-a' }],
    ['featureFlags/[0]', { featureFlags: ['a b'] }],
    ['featureFlags', { featureFlags: ['a', 'a'] }],
    ['featureFlag', { featureFlag: 'a', featureFlags: ['b', 'a'] }],
    ['archived', { archived: null }],
    ['deprecated', { deprecated: 'true' }],
    ['schemas', { schemas: [] }],
    ['schemas/1', { schemas: { 1: true } }],
    ['schemas/1', { schemas: { 1: { type: 'objet' } } }],
    ['id', { id: 'x' }],
    ['createdAt', { createdAt: '2020-01-01T00:00:00Z' }],
  ])('%s is refused where it stands: %j', async (place, body) => {
    const answer = await post({ name: fresh(), description: '', ...body })
    expect(answer.status, answer.text).toBe(422)
    expect(answer.body.detail.map((fault: Json) => fault.loc.slice(1).join('/'))).toEqual([place])
  })

  test('both names of the feature flags are taken', async () => {
    expect((await post({ name: fresh(), description: '', featureFlag: 'a' })).body).toMatchObject({
      featureFlags: ['a'],
    })
    const both = await post({ name: fresh(), description: '', featureFlag: 'a', featureFlags: ['a', 'b'] })
    expect(both.body).toMatchObject({ featureFlag: 'a', featureFlags: ['a', 'b'] })
    const none = await post({ name: fresh(), description: '', featureFlag: null, featureFlags: [] })
    expect(none.body).toMatchObject({ featureFlag: null, featureFlags: null })
  })
})

describe('PUT', () => {
  test('7: by a new name, twice: 201, then 200; what is missing takes its default, archived too', async () => {
    const name = fresh()
    const full = {
      description: 'x',
      groupName: 'a',
      deprecated: true,
      archived: true,
      featureFlags: ['a'],
      schemas: { 1: {} },
    }
    const first = await world.call('PUT', `/event-type/${name}`, { body: full })
    expect(first).toMatchObject({ status: 201, body: full })
    const second = await world.call('PUT', `/event-type/${name}`, { body: { description: 'y' } })
    expect(second.status).toBe(200)
    expect(second.body).toMatchObject({
      description: 'y',
      groupName: null,
      deprecated: false,
      archived: false,
      featureFlags: null,
      schemas: null,
      createdAt: first.body.createdAt,
    })
  })

  test('10 at once make one type, and none is refused', async () => {
    const name = fresh()
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => world.call('PUT', `/event-type/${name}`, { body: { description: '' } })),
    )
    expect(tally(answers)).toEqual({ 200: 9, 201: 1 })
  })

  test('11: the GET answer sent back is 200; another name in the body is 422; a malformed one in the path 404', async () => {
    const name = fresh()
    await post({ name, description: 'x', featureFlags: ['a', 'b'], schemas: { 1: { examples: [{ a: 1 }] } } })
    const { body } = await get(name)
    for (const method of ['PUT', 'PATCH'] as const) {
      const answer = await world.call(method, `/event-type/${name}`, { body })
      expect(answer.status, answer.text).toBe(200)
      expect(answer.body).toEqual(body)
      const other = await world.call(method, `/event-type/${name}`, { body: { ...body, name: 'other' } })
      expect(other).toMatchObject({ status: 422, body: { detail: [{ loc: ['body', 'name'] }] } })
    }
    for (const bad of ['-a', 'a%20b', '%00', 'a'.repeat(257)]) {
      expect((await world.call('PUT', `/event-type/${bad}`, { body: { description: '' } })).status).toBe(404)
    }
  })
})

describe('PATCH', () => {
  test('8: absent leaves, null clears, null for another field is 422, an unknown name 404', async () => {
    const name = fresh()
    const { body } = await post({
      name,
      description: 'x',
      groupName: 'a',
      deprecated: true,
      featureFlags: ['a'],
      schemas: { 1: {} },
    })
    expect((await world.call('PATCH', `/event-type/${name}`, { body: {} })).body).toEqual(body)
    for (const field of ['description', 'archived', 'deprecated']) {
      expect(
        (await world.call('PATCH', `/event-type/${name}`, { body: { [field]: null, groupName: 'b' } })).status,
      ).toBe(422)
    }
    expect((await get(name)).body).toEqual(body)
    const cleared = { groupName: null, featureFlags: null, schemas: null }
    expect((await world.call('PATCH', `/event-type/${name}`, { body: cleared })).body).toEqual({
      ...body,
      ...cleared,
      featureFlag: null,
    })
    expect((await world.call('PATCH', '/event-type/nobody.knows', { body: {} })).status).toBe(404)
  })
})

describe('DELETE', () => {
  test('archives: hidden from the list unless asked for; expunge removes', async () => {
    const name = fresh()
    await post({ name, description: '' })
    const archive = async (query = '') => (await world.call('DELETE', `/event-type/${name}${query}`)).status
    expect(await archive()).toBe(204)
    expect(await archive()).toBe(204)
    expect((await get(name)).body.archived).toBe(true)
    expect(await names()).not.toContain(name)
    expect(await names('&include_archived=true')).toContain(name)
    expect(await archive('?expunge=x')).toBe(400)
    expect(await archive('?expunge=true')).toBe(204)
    expect((await get(name)).status).toBe(404)
    expect(await archive()).toBe(404)
  })
})

describe('list', () => {
  test('by name, page by page forwards and back, in both orders', async () => {
    for (let n = 0; n < 6; n += 1) await post({ name: fresh(), description: '' })
    const all = await names()
    expect(all).toEqual(all.toSorted())
    for (const order of ['ascending', 'descending']) {
      const expected = order === 'ascending' ? all : all.toReversed()
      const seen: string[] = []
      let page = (await world.call('GET', `/event-type?limit=4&order=${order}`)).body
      for (;;) {
        seen.push(...page.data.map((type: Json) => type.name))
        if (page.done) break
        page = (await world.call('GET', `/event-type?limit=4&order=${order}&iterator=${page.iterator}`)).body
      }
      expect(seen).toEqual(expected)
      const back = (await world.call('GET', `/event-type?limit=4&order=${order}&iterator=-${expected[6]}`)).body
      expect(back.data.map((type: Json) => type.name)).toEqual(expected.slice(2, 6))
    }
  })

  test('schemas come when asked for, and with a single type unless refused', async () => {
    const name = fresh()
    await post({ name, description: '', schemas: { 1: { type: 'object' } } })
    const listed = async (query: string) =>
      (await world.call('GET', `/event-type?limit=250${query}`)).body.data.find((type: Json) => type.name === name)
        .schemas
    expect(await listed('')).toBeNull()
    expect(await listed('&with_content=true')).toEqual({ 1: { type: 'object' } })
    expect((await get(name)).body.schemas).toEqual({ 1: { type: 'object' } })
    expect((await get(`${name}?with_content=false`)).body.schemas).toBeNull()
  })
})

test('22: a type with feature flags is seen by tokens that share one, and by environment keys', async () => {
  const account = await world.account()
  const name = fresh()
  await post({ name, description: '', featureFlags: ['a', 'b'] })
  for (const [flags, sees] of [
    [[], false],
    [['c'], false],
    [['c', 'b'], true],
  ] as const) {
    const token = world.token(account, undefined, flags)
    expect((await names('', { token })).includes(name)).toBe(sees)
    expect((await get(name, { token })).status).toBe(sees ? 200 : 404)
    expect(await names('', { token })).toContain('producersync.npn.activated')
  }
  expect((await get(name)).status).toBe(200)
})

test('19: app tokens change nothing, and environments share nothing', async () => {
  const token = world.token(await world.account())
  const name = fresh()
  await post({ name, description: '' })
  for (const [method, path] of [
    ['POST', ''],
    ['PUT', `/${name}`],
    ['PATCH', `/${name}`],
    ['DELETE', `/${name}`],
  ] as const) {
    const answer = await world.call(method, `/event-type${path}`, { token, body: { name, description: 'x' } })
    expect(answer).toMatchObject({ status: 403, body: { code: 'insufficient access' } })
  }
  expect((await get(name, { token: 'sandbox' })).status).toBe(404)
  expect((await post({ name, description: '' }, { token: 'sandbox' })).status).toBe(201)
})
