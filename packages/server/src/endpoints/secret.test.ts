import { generateKeyPairSync } from 'node:crypto'
import { createSigner, verify } from '@producersync/webhooks/node'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Account } from '#src/accounts/principal.ts'
import { type Answer, type Json, TestWorld, tally } from '../../test/endpoint-world.ts'
import { readTargets, type Target } from './target.ts'

const url = 'https://receiver.northwind.com/hook'
const own = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const other = `whsec_${Buffer.alloc(64, 7).toString('base64')}`
const ed25519 = 'whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=='

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
})

async function create(body: object = {}): Promise<Json> {
  const answer = await world.call('POST', at, { body: { url, ...body } })
  expect(answer.status, answer.text).toBe(201)
  return answer.body
}

async function rotate(id: string, body?: object, options: object = {}): Promise<Answer> {
  return await world.call('POST', `${at}/${id}/secret/rotate`, { body, ...options })
}

async function shown(id: string): Promise<string> {
  return (await world.call('GET', `${at}/${id}/secret`)).body.key
}

async function target(endpointId: string): Promise<Target> {
  const keys = [{ accountId: account.id, endpointId }]
  const [found] = await readTargets(world.worker, keys, world.dataKeys, world.clock.now())
  if (!found) throw new Error('no such endpoint')
  return found
}

/** The secrets that sign now, current first. */
async function signing(endpointId: string): Promise<string[]> {
  return (await target(endpointId)).secrets.map(({ secret }) => secret)
}

describe('the secret of a new endpoint', () => {
  test('is whsec_ and 32 bytes, different each time, and what is shown is what signs', async () => {
    const [a, b] = [await create(), await create()]
    const [keyA, keyB] = [await shown(a.id), await shown(b.id)]
    expect(Buffer.from(keyA.replace('whsec_', ''), 'base64')).toHaveLength(32)
    expect(keyA).not.toBe(keyB)
    expect(await signing(a.id)).toEqual([keyA])
  })

  test.each([
    ['with its prefix', own, own],
    ['without it', own.replace('whsec_', ''), own],
    ['of 64 bytes', other, other],
  ])('can be brought along, %s', async (_, secret, key) => {
    expect(await shown((await create({ secret })).id)).toBe(key)
  })

  test.each([
    ['18 bytes', 'whsec_plJ3nmyCDGBKInavdOK15jsl'],
    ['23 bytes', `whsec_${Buffer.alloc(23).toString('base64')}`],
    ['65 bytes', `whsec_${Buffer.alloc(65).toString('base64')}`],
    ['no Base64', 'whsec_canary!canary!canary!canary!canary'],
    ['a public key', `whpk_${Buffer.alloc(32).toString('base64')}`],
    ['a key of the wrong halves', `whsk_${Buffer.alloc(64, 1).toString('base64')}`],
    ['nothing', ''],
  ])('is refused on creation and rotation without being repeated: %s', async (_, secret) => {
    const refused = await world.call('POST', at, { body: { url, secret } })
    expect(refused).toMatchObject({ status: 422, body: { detail: [{ loc: ['body', 'secret'] }] } })
    const endpoint = await create()
    const key = await shown(endpoint.id)
    const rotated = await rotate(endpoint.id, { key: secret })
    expect(rotated).toMatchObject({ status: 422, body: { detail: [{ loc: ['body', 'key'] }] } })
    if (secret !== '') expect(refused.text + rotated.text).not.toContain(secret)
    expect(await signing(endpoint.id)).toEqual([key])
  })

  test('30: Ed25519 is shown as its public key, which verifies what the endpoint signs as v1a', async () => {
    const endpoint = await create({ secret: ed25519 })
    const key = await shown(endpoint.id)
    expect(key).toMatch(/^whpk_/)
    const secrets = await signing(endpoint.id)
    expect(secrets).toEqual([ed25519])
    const body = Buffer.from('{"test":1}')
    const timestamp = Math.floor(world.clock.now().getTime() / 1000)
    const signature = createSigner(secrets)('msg_1', timestamp, body)
    expect(signature).toMatch(/^v1a,/)
    const headers = { 'webhook-id': 'msg_1', 'webhook-timestamp': `${timestamp}`, 'webhook-signature': signature }
    expect(verify(body, headers, { secrets: key, now: world.clock.now() })).toEqual({ test: 1 })
  })

  test('an Ed25519 seed of 32 bytes is taken too', async () => {
    const { d = '', x = '' } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })
    const endpoint = await create({ secret: `whsk_${Buffer.from(d, 'base64url').toString('base64')}` })
    expect(await shown(endpoint.id)).toBe(`whpk_${Buffer.from(x, 'base64url').toString('base64')}`)
  })
})

describe('30: rotation', () => {
  test('for a day both keys sign, the new one first; then only the new one', async () => {
    const endpoint = await create({ secret: own })
    const before = await target(endpoint.id)
    expect((await rotate(endpoint.id)).status).toBe(204)
    const key = await shown(endpoint.id)
    expect(key).not.toBe(own)
    const after = await target(endpoint.id)
    expect(after.version).toBeGreaterThan(before.version)
    expect(after.secrets).toEqual([
      { secret: key, signsUntil: null },
      { secret: own, signsUntil: new Date(world.clock.now().getTime() + 86_400_000) },
    ])

    const body = '{"test":1}'
    const now = new Date()
    const timestamp = Math.floor(now.getTime() / 1000)
    const signature = createSigner(await signing(endpoint.id))('msg_1', timestamp, Buffer.from(body))
    const headers = { 'webhook-id': 'msg_1', 'webhook-timestamp': `${timestamp}`, 'webhook-signature': signature }
    for (const secret of [own, key]) expect(new Webhook(secret).verify(body, headers)).toEqual({ test: 1 })

    world.clock.advanceMs(86_400_000 - 1)
    expect(await signing(endpoint.id)).toEqual([key, own])
    world.clock.advanceMs(1)
    expect(await signing(endpoint.id)).toEqual([key])
  })

  test('with a grace of 0 the old key is gone at once', async () => {
    const endpoint = await create({ secret: own })
    await rotate(endpoint.id, { gracePeriodSeconds: 0, key: other })
    expect(await signing(endpoint.id)).toEqual([other])
    const rows = await world.worker.query`select id from endpoint_secret where endpoint_id = ${endpoint.id}`
    expect(rows).toHaveLength(1)
  })

  test.each([-1, 604_801, 1.5, '60'])('a grace of %j is 422', async (gracePeriodSeconds) => {
    const endpoint = await create()
    const answer = await rotate(endpoint.id, { gracePeriodSeconds })
    expect(answer).toMatchObject({ status: 422, body: { detail: [{ loc: ['body', 'gracePeriodSeconds'] }] } })
  })

  test('nulls mean the defaults, and 7 days are taken', async () => {
    const endpoint = await create()
    expect((await rotate(endpoint.id, { key: null, gracePeriodSeconds: null })).status).toBe(204)
    expect((await rotate(endpoint.id, { gracePeriodSeconds: 604_800 })).status).toBe(204)
    expect(await signing(endpoint.id)).toHaveLength(3)
  })

  test('the 11th old key is 400 and changes nothing; with a grace of 0, or once one has expired, it goes on', async () => {
    const endpoint = await create()
    for (let n = 0; n < 10; n += 1) expect((await rotate(endpoint.id, { gracePeriodSeconds: 3600 })).status).toBe(204)
    const before = await signing(endpoint.id)
    expect(before).toHaveLength(11)
    expect(await rotate(endpoint.id)).toMatchObject({ status: 400, body: { code: 'limit_reached' } })
    expect(await signing(endpoint.id)).toEqual(before)
    expect((await rotate(endpoint.id, { gracePeriodSeconds: 0 })).status).toBe(204)
    expect(await signing(endpoint.id)).toEqual([await shown(endpoint.id), ...before.slice(1)])
    world.clock.advanceMs(3_600_000)
    expect((await rotate(endpoint.id)).status).toBe(204)
    expect(await signing(endpoint.id)).toHaveLength(2)
    const rows = await world.worker.query`select id from endpoint_secret where endpoint_id = ${endpoint.id}`
    expect(rows, 'what no longer signs is not kept').toHaveLength(2)
  })

  test('20 at once: 10 pass, the others are 400, and one key is current', async () => {
    const endpoint = await create()
    const answers = await Promise.all(Array.from({ length: 20 }, () => rotate(endpoint.id)))
    expect(tally(answers)).toEqual({ 204: 10, 400: 10 })
    const { secrets } = await target(endpoint.id)
    expect(secrets).toHaveLength(11)
    expect(secrets.filter((secret) => secret.signsUntil === null)).toHaveLength(1)
  })

  test('two current keys of one endpoint cannot be stored', async () => {
    const endpoint = await create()
    const second = world.within('production', account.id, async (tx) => {
      await tx.query`
        insert into endpoint_secret (account_id, endpoint_id, id, secret, created_at)
        values (${account.id}, ${endpoint.id}, 'sec_2', ${Buffer.alloc(8)}, ${world.clock.now()})`
    })
    await expect(second).rejects.toThrow('endpoint_secret_current')
  })

  test('to the current key changes nothing; to a former one makes that one current again', async () => {
    const endpoint = await create({ secret: own })
    await rotate(endpoint.id, { key: own })
    expect(await signing(endpoint.id)).toEqual([own])
    await rotate(endpoint.id, { key: other })
    await rotate(endpoint.id, { key: own })
    expect(await signing(endpoint.id)).toEqual([own, other])
  })

  test('keeps the kind of the key unless another is given', async () => {
    const endpoint = await create({ secret: ed25519 })
    await rotate(endpoint.id)
    expect(await shown(endpoint.id)).toMatch(/^whpk_/)
    await rotate(endpoint.id, { key: own })
    expect(await shown(endpoint.id)).toBe(own)
  })

  test('once for one Idempotency-Key, and 204 has no body', async () => {
    const endpoint = await create()
    const options = { headers: { 'idempotency-key': 'auto_rotate' } }
    const answers = [await rotate(endpoint.id, undefined, options), await rotate(endpoint.id, undefined, options)]
    expect(answers.map((answer) => [answer.status, answer.text])).toEqual([
      [204, ''],
      [204, ''],
    ])
    expect(answers[1]?.headers['x-idempotent-replay']).toBe('true')
    expect(await signing(endpoint.id)).toHaveLength(2)
  })
})

describe('at rest', () => {
  test('no secret and no header value stands in the database in clear', async () => {
    const value = 'canary-header-value'
    const endpoint = await create({ secret: own, headers: { authorization: value } })
    await rotate(endpoint.id)
    const bytes = Buffer.from(own.replace('whsec_', ''), 'base64')
    const [stored] = await world.worker.query<{ text: string }>`
      select (select string_agg(encode(secret, 'hex'), ' ') from endpoint_secret where endpoint_id = ${endpoint.id}) || e::text as text
        from endpoint e where id = ${endpoint.id}`
    for (const trace of [
      own.slice(6),
      bytes.toString('hex'),
      Buffer.from(own).toString('hex'),
      Buffer.from(value).toString('hex'),
    ]) {
      expect(stored?.text).not.toContain(trace)
    }
    expect(stored?.text).not.toContain(value)
  })

  test('a secret moved to another endpoint does not open', async () => {
    const [a, b] = [await create(), await create()]
    await world.owner.query`
      update endpoint_secret b set secret = a.secret from endpoint_secret a
       where b.endpoint_id = ${b.id} and a.endpoint_id = ${a.id}`
    await expect(target(b.id)).rejects.toThrow('do not open')
    await expect(target(a.id)).resolves.toBeDefined()
  })
})
