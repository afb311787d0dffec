import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Account } from '#src/accounts/principal.ts'
import { type Answer, type Json, TestWorld } from '../../test/endpoint-world.ts'
import { readTargets } from './target.ts'

const url = 'https://receiver.northwind.com/hook'

let world: TestWorld
let account: Account
let endpoint: Json
let at: string

beforeAll(async () => {
  world = await TestWorld.start()
})
afterAll(async () => await world.close())
beforeEach(async () => {
  account = await world.account()
  endpoint = (await world.call('POST', `/app/${account.id}/endpoint`, { body: { url } })).body
  at = `/app/${account.id}/endpoint/${endpoint.id}`
})

async function put(headers: object): Promise<Answer> {
  return await world.call('PUT', `${at}/headers`, { body: { headers } })
}

async function shown(): Promise<Json> {
  return (await world.call('GET', `${at}/headers`)).body
}

async function sent(): Promise<{ version: number; headers: [string, string][] }> {
  const keys = [{ accountId: account.id, endpointId: endpoint.id }]
  const [target] = await readTargets(world.worker, keys, world.dataKeys, world.clock.now())
  return { version: target?.version ?? 0, headers: [...(target?.headers ?? [])] }
}

describe('50: headers', () => {
  test('there are none at first', async () => {
    expect(await shown()).toEqual({ headers: {}, sensitive: [] })
    expect((await sent()).headers).toEqual([])
  })

  test('PUT replaces all, in the letter case given; sensitive values are sent and never shown', async () => {
    await put({ 'X-Old': '1' })
    const before = await sent()
    const answer = await put({ 'X-Tenant': 'a b', Authorization: 'canary', 'x-API-key': 'canary' })
    expect([answer.status, answer.text]).toEqual([204, ''])
    expect(await shown()).toEqual({ headers: { 'X-Tenant': 'a b' }, sensitive: ['Authorization', 'x-API-key'] })
    const after = await sent()
    expect(after.headers).toEqual([
      ['X-Tenant', 'a b'],
      ['Authorization', 'canary'],
      ['x-API-key', 'canary'],
    ])
    expect(after.version).toBeGreaterThan(before.version)
    await put({})
    expect(await shown()).toEqual({ headers: {}, sensitive: [] })
  })

  test('PATCH merges: null and deleteHeaders remove, also what nobody can see', async () => {
    await put({ 'X-A': '1', 'X-B': '2', 'X-C': '3', authorization: 'canary' })
    const body = {
      headers: { 'x-a': 'one', 'X-B': null, 'X-D': '4' },
      deleteHeaders: ['x-c', 'AUTHORIZATION', 'x-none'],
    }
    expect((await world.call('PATCH', `${at}/headers`, { body })).status).toBe(204)
    expect((await sent()).headers).toEqual([
      ['x-a', 'one'],
      ['X-D', '4'],
    ])
    expect((await world.call('PATCH', `${at}/headers`, { body: { deleteHeaders: ['X-D'] } })).status).toBe(204)
    expect(await shown()).toEqual({ headers: { 'x-a': 'one' }, sensitive: [] })
  })

  test.each<[string, 'PUT' | 'PATCH', object]>([
    ['no headers', 'PUT', {}],
    ['a refused name', 'PUT', { headers: { 'Content-Type': 'canary' } }],
    ['a refused name in a merge', 'PATCH', { headers: { 'SVIX-id': 'canary' } }],
    ['a line break', 'PUT', { headers: { 'x-a': 'canary\r\nhost: b' } }],
    ['null', 'PUT', { headers: { 'x-a': null } }],
    ['a number', 'PATCH', { headers: { 'x-a': 1 } }],
    ['one name twice', 'PUT', { headers: { 'x-a': 'canary', 'X-A': 'canary' } }],
    ['changed and deleted', 'PATCH', { headers: { 'x-a': 'canary' }, deleteHeaders: ['X-A'] }],
    ['a name that is no text', 'PATCH', { deleteHeaders: [1] }],
  ])('%s: 422, and what was there stays', async (_, method, body) => {
    await put({ 'x-kept': '1' })
    const answer = await world.call(method, `${at}/headers`, { body })
    expect(answer.status).toBe(422)
    expect(answer.text).not.toContain('canary')
    expect(await shown()).toEqual({ headers: { 'x-kept': '1' }, sensitive: [] })
  })

  test('an answer names at most 20 faults', async () => {
    const headers = Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`svix-${n}`, 'v']))
    for (const method of ['PUT', 'PATCH'] as const) {
      const answer = await world.call(method, `${at}/headers`, { body: { headers } })
      expect(answer.body.detail).toHaveLength(20)
    }
    const answer = await world.call('POST', `/app/${account.id}/endpoint`, { body: { url, headers } })
    expect(answer.body.detail).toHaveLength(20)
  })

  test('the limits count what is there already', async () => {
    await put(Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`x-${n}`, 'v'])))
    const body = { headers: { 'x-20': 'v' } }
    expect((await world.call('PATCH', `${at}/headers`, { body })).status).toBe(422)
    expect((await world.call('PATCH', `${at}/headers`, { body: { ...body, deleteHeaders: ['x-0'] } })).status).toBe(204)
  })

  test('8 merges at once lose none', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        world.call('PATCH', `${at}/headers`, { body: { headers: { [`x-${n}`]: 'v' } } }),
      ),
    )
    expect(answers.every((answer) => answer.status === 204)).toBe(true)
    expect((await sent()).headers).toHaveLength(8)
  })

  test('are taken on creation, and are no field of the endpoint', async () => {
    const answer = await world.call('POST', `/app/${account.id}/endpoint`, {
      body: { url, headers: { 'X-Tenant': 'a', 'X-Auth-Token': 'canary' } },
    })
    expect(answer.status).toBe(201)
    expect(answer.body).not.toHaveProperty('headers')
    endpoint = answer.body
    at = `/app/${account.id}/endpoint/${endpoint.id}`
    expect(await shown()).toEqual({ headers: { 'X-Tenant': 'a' }, sensitive: ['X-Auth-Token'] })
    const patched = await world.call('PATCH', at, { body: { headers: { 'x-a': '1' } } })
    expect(patched.headers['x-ignored-fields']).toBe('headers')
    expect(await shown()).toEqual({ headers: { 'X-Tenant': 'a' }, sensitive: ['X-Auth-Token'] })
  })

  test('a value comes to light in no answer', async () => {
    await put({ authorization: 'canary-value', 'www-authenticate': 'canary-value' })
    for (const path of ['', '/headers', '/secret'])
      expect((await world.call('GET', `${at}${path}`)).text).not.toContain('canary')
    expect((await world.call('GET', `/app/${account.id}/endpoint`)).text).not.toContain('canary')
  })
})
