import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Scope } from '#src/accounts/principal.ts'
import type { Database } from '#src/adapters/postgres/database.ts'
import { ManualClock } from '../../test/manual-clock.ts'
import { HELD_OPEN } from '../../test/postgres.ts'
import { ProducerWorld, PUBLIC_URL } from '../../test/producer-world.ts'
import { insertProducer } from '../../test/record-rows.ts'

type Account = Awaited<ReturnType<ProducerWorld['addAccount']>>

const clock = new ManualClock('2026-03-06T15:02:10.811Z')
const OF_ONE_PRODUCER = [
  '',
  '/addresses',
  '/appointments',
  '/contactInfos',
  '/licenses',
  '/otherNames',
  '/regulatoryActions',
]
const COLLECTIONS = [
  'entities',
  'addresses',
  'appointments',
  'contactInfos',
  'licenses',
  'licenseLoas',
  'otherNames',
  'regulatoryActions',
]
let world: ProducerWorld
let account: Account

beforeAll(async () => {
  world = await ProducerWorld.start(clock)
})
afterAll(async () => {
  await world.close()
})
beforeEach(async () => {
  account = await world.addAccount('sandbox')
})

describe('rule 17: a per-NPN read of an unmonitored NPN', () => {
  test.each(OF_ONE_PRODUCER)('/v2/entities/{npn}%s subscribes, with exactly one activated', async (list) => {
    const { event } = await whileLoading(account, `/v2/entities/912484758${list}`)
    expect(event).toMatchObject({ type: 'producersync.npn.activated', npn: '912484758', pending: 1 })
    const [subscription] = await world.world.owner.query`
      select source, activations, data_status from population where account_id = ${account.accountId}`
    expect(subscription).toEqual({ source: 'read', activations: 1, data_status: 'loading' })
    expect(await world.world.keptTotals(account)).toEqual({ kept: 1, counted: 1 })
  })

  test('sends exactly one activated, also when 50 such reads race', async () => {
    await world.monitor(account, ['77']) // the first change of an account takes turns by itself
    await openAll(world.world.api, 4)
    await openAll(world.world.updates, 12)
    const reads = Array.from({ length: 50 }, (_, index) =>
      world.get(account, `/v2/entities/912484758${OF_ONE_PRODUCER[index % OF_ONE_PRODUCER.length]}`),
    )
    await expect.poll(() => world.waiting).toBe(50)
    clock.advanceMs(20_000)
    for (const { statusCode } of await Promise.all(reads)) expect(statusCode).toBe(202)
    expect(await world.world.events(account)).toHaveLength(1)
    expect(await world.world.population(account)).toEqual(['77', '912484758'])
    expect(await world.world.keptTotals(account)).toEqual({ kept: 2, counted: 2 })
  })

  test('of one that has left: it joins again, counted, with a later timestamp', async () => {
    await insertProducer(world.world.owner, account.feedId, '77')
    await world.monitor(account, ['77'], { active: false })
    const entity = await world.ok(account, '/v2/entities/77')
    expect(entity.subscriptionCount).toBe(2)
    const [event] = await world.world.events(account)
    expect(new Date(event?.timestamp ?? 0).getTime()).toBeGreaterThan(clock.now().getTime())
  })
})

describe('rule 18: no subscription and no event comes from', () => {
  const unmonitored = '/v2/entities/912484758'

  test.each<[string, string, readonly Scope[], number]>([
    ['a malformed parameter', `${unmonitored}/licenses?size=0`, ['producersync.read', 'producersync.write'], 400],
    [
      'a token of another list',
      `${unmonitored}/licenses?continuationToken=abc`,
      ['producersync.read', 'producersync.write'],
      400,
    ],
    ['a malformed NPN', '/v2/entities/0912484758/licenses', ['producersync.read', 'producersync.write'], 400],
    ['a token without scope', unmonitored, ['webhooks'], 403],
    ['a token that may not read', unmonitored, ['producersync.write'], 403],
    ['a read-only token', unmonitored, ['producersync.read'], 404],
    ['a read by id', '/v1/licenses/912484758', ['producersync.read', 'producersync.write'], 404],
    ['a list below an id', '/v2/licenses/912484758/licenseLoas', ['producersync.read', 'producersync.write'], 404],
    ['npns=', '/v2/licenses?npns=912484758', ['producersync.read', 'producersync.write'], 200],
  ])('%s (%s)', async (_case, url, scopes, status) => {
    expect((await world.get(account, url, scopes)).statusCode).toBe(status)
    await expectNothingHappened(account)
  })

  test('a request without a known token, or over the rate limit', async () => {
    const headers = { authorization: 'Bearer unknown' }
    expect((await world.http.inject({ url: unmonitored, headers })).statusCode).toBe(401)
    const { rateWindow } = world
    world.rateWindow = { ...rateWindow, allowed: false, remaining: 0 }
    const limited = await world.get(account, unmonitored)
    world.rateWindow = rateWindow
    expect(limited.statusCode).toBe(429)
    await expectNothingHappened(account)
  })

  test.each([
    ['does not want it', { autoSubscribe: false }],
    ['has no room', { populationMax: 0 }],
  ])('an account that %s: 404', async (_case, settings) => {
    const other = await world.addAccount('sandbox', settings)
    for (const list of OF_ONE_PRODUCER) {
      const response = await world.get(other, `${unmonitored}${list}`)
      expect(response.statusCode).toBe(404)
      expect(response.json().message).toBe('NPN 912484758 is not in your population')
    }
    await expectNothingHappened(other)
  })
})

describe('rule 19: after its removal', () => {
  test('nothing gives anything of an NPN', async () => {
    const other = await world.addAccount('sandbox', { autoSubscribe: false })
    const { license, regulatory_action: action, address } = await insertProducer(world.world.owner, other.feedId, '77')
    await world.monitor(other, ['77'])
    expect(await world.all(other, '/v2/licenses')).toHaveLength(1)
    await world.monitor(other, ['77'], { active: false })
    for (const kind of COLLECTIONS) {
      expect(await world.all(other, `/v2/${kind}`)).toEqual([])
      if (kind !== 'entities') expect(await world.all(other, `/v2/${kind}?npns=77`)).toEqual([])
    }
    for (const url of [
      `/v1/licenses/${license.id}`,
      `/v1/addresses/${address.id}`,
      `/v2/licenses/${license.id}/licenseLoas`,
      `/v2/regulatoryActions/${action.id}/regulatoryActionValues`,
      ...OF_ONE_PRODUCER.map((list) => `/v2/entities/77${list}`),
    ]) {
      expect((await world.get(other, url)).statusCode).toBe(404)
    }
    await world.monitor(other, ['77'])
    expect((await world.ok(other, `/v1/licenses/${license.id}`)).id).toBe(license.id)
  })
})

describe('rule 20: what is known of an NPN is told apart', () => {
  test('loading: 202 after at most 20 s, with where to ask again', async () => {
    await world.monitor(account, ['912484758'], { dataStatus: 'loading' })
    const read = world.get(account, '/v2/entities/912484758/licenses?size=2')
    await expect.poll(() => world.waiting).toBe(1)
    clock.advanceMs(19_999)
    expect(world.waiting).toBe(1)
    clock.advanceMs(1)
    const response = await read
    expect(response.statusCode).toBe(202)
    expect(response.headers['retry-after']).toBe('5')
    expect(response.json()).toEqual({
      success: true,
      message: 'Data for NPN 912484758 is being loaded',
      links: { self: { href: `${PUBLIC_URL}/v2/entities/912484758/licenses` } },
    })
  })

  test('loading, and loaded meanwhile: the data, as soon as it is there', async () => {
    await insertProducer(world.world.owner, account.feedId, '912484758')
    await world.monitor(account, ['912484758'], { dataStatus: 'loading' })
    const read = world.get(account, '/v2/entities/912484758')
    await expect.poll(() => world.waiting).toBe(1)
    await world.monitor(account, ['912484758'])
    const response = await read
    expect(response.statusCode).toBe(200)
    expect(response.json()).toMatchObject({ npn: '912484758' })
  })

  test('not known to NIPR: 404 that says so, also when it turns out while waiting', async () => {
    await world.monitor(account, ['1234567890'], { dataStatus: 'loading' })
    const read = world.get(account, '/v2/entities/1234567890/licenses')
    await expect.poll(() => world.waiting).toBe(1)
    await world.monitor(account, ['1234567890'], { dataStatus: 'not_found' })
    for (const response of [await read, await world.get(account, '/v2/entities/1234567890')]) {
      expect(response.statusCode).toBe(404)
      expect(response.json()).toMatchObject({ message: 'NPN 1234567890 is not known to NIPR' })
    }
    expect(await world.all(account, '/v2/licenses')).toEqual([])
  })

  test('without licenses: 200 and an empty list', async () => {
    const { owner } = world.world
    await insertProducer(owner, account.feedId, '77')
    await owner.query`delete from license where feed_id = ${account.feedId}`
    await owner.query`update entity set no_licenses = true where feed_id = ${account.feedId}`
    await world.monitor(account, ['77'])
    expect(await world.ok(account, '/v2/entities/77')).toMatchObject({ noLicenses: true })
    expect(await world.ok(account, '/v2/entities/77/licenses')).not.toHaveProperty('embedded')
  })

  test('whoever hangs up, or meets a server that stops, waits no longer', async () => {
    const other = await ProducerWorld.start(clock)
    const theirs = await other.addAccount()
    await other.monitor(theirs, ['5'], { dataStatus: 'loading' })
    const url = await other.http.listen({ host: '127.0.0.1', port: 0 })
    const authorization = `Bearer ${theirs.accountId}~producersync.read`
    const gone = new AbortController()
    const aborted = fetch(`${url}/v2/entities/5`, { headers: { authorization }, signal: gone.signal })
    await expect.poll(() => other.waiting).toBe(1)
    gone.abort()
    await expect(aborted).rejects.toThrow()
    await expect.poll(() => other.waiting).toBe(0)
    const stopped = fetch(`${url}/v2/entities/5`, { headers: { authorization } })
    await expect.poll(() => other.waiting).toBe(1)
    const closed = other.close()
    expect((await stopped).status).toBe(202)
    await closed
  })
})

describe('rule 35: isolation', () => {
  test('an account sees nothing of another, in one environment or across both', async () => {
    const [mine, theirs, sandbox] = [
      await world.addAccount('production', { autoSubscribe: false }),
      await world.addAccount('production'),
      await world.addAccount('sandbox'),
    ]
    const { owner } = world.world
    const shared = await insertProducer(owner, 'production', '4001')
    const foreign = await insertProducer(owner, 'production', '4002')
    const elsewhere = await insertProducer(owner, sandbox.feedId, '4001')
    await world.monitor(mine, ['4001'])
    await world.monitor(theirs, ['4001', '4002'])
    await world.monitor(sandbox, ['4001'])
    for (const kind of COLLECTIONS) {
      const rows = await world.all(mine, `/v2/${kind}?npns=4001,4002`)
      expect(rows.map(({ npn }) => npn)).toEqual(['4001'])
      expect((await world.all(theirs, `/v2/${kind}`)).map(({ npn }) => npn)).toEqual(['4001', '4002'])
    }
    expect((await world.ok(mine, `/v1/licenses/${shared.license.id}`)).id).toBe(shared.license.id)
    const missing = (await world.get(mine, '/v1/licenses/9007199254740991')).json()
    for (const { license, regulatory_action: action } of [foreign, elsewhere]) {
      for (const url of [
        `/v1/licenses/${license.id}`,
        `/v2/licenses/${license.id}/licenseLoas`,
        `/v2/regulatoryActions/${action.id}/regulatoryActionValues`,
      ]) {
        const response = await world.get(mine, url)
        expect(response.statusCode).toBe(404)
        expect(response.json()).toEqual({ ...missing, path: url, timestamp: expect.any(String) })
      }
    }
    const [known, unknown] = [await world.get(mine, '/v2/entities/4002'), await world.get(mine, '/v2/entities/4003')]
    expect(known.statusCode).toBe(404)
    expect(known.body.replaceAll('4002', '4003')).toBe(unknown.body)
    expect((await world.get(sandbox, `/v1/licenses/${shared.license.id}`)).statusCode).toBe(404)
  })
})

describe('rules 37 and 38: every answer', () => {
  test('has the rate limit, errors have exactly five fields', async () => {
    await world.monitor(account, ['77'], { dataStatus: 'not_found' })
    for (const [url, status, error] of [
      ['/v2/licenses?size=0', 400, 'Bad Request'],
      ['/v2/entities/77', 404, 'Not Found'],
      ['/v1/licenses/1', 404, 'Not Found'],
    ] as const) {
      const response = await world.get(account, url)
      expect(response.headers).toMatchObject({
        'ratelimit-limit': '300',
        'ratelimit-remaining': '299',
        'ratelimit-reset': '9',
        'content-type': 'application/json',
        'producersync-environment': 'sandbox',
      })
      const { message, ...rest } = response.json()
      expect(message).toEqual(expect.any(String))
      expect(rest).toEqual({ timestamp: clock.now().toISOString(), status, error, path: url.split('?')[0] })
    }
  })

  test('of another method names the one there is; of another media type is refused', async () => {
    const headers = { authorization: `Bearer ${account.accountId}~producersync.read~producersync.write` }
    for (const url of ['/v2/licenses', '/v1/licenses/1', '/v2/entities/77/licenses']) {
      const response = await world.http.inject({ method: 'POST', url, headers })
      expect(response.statusCode).toBe(405)
      expect(response.headers.allow).toBe('GET, HEAD')
      expect((await world.http.inject({ url, headers: { ...headers, accept: 'text/html' } })).statusCode).toBe(406)
    }
    await expectNothingHappened(account)
  })
})

/** Uses all connections of a pool at once: whoever has to open one first comes too late for a race. */
async function openAll(pool: Database, connections: number): Promise<void> {
  const { promise: all, resolve } = Promise.withResolvers<void>()
  let open = 0
  const hold = async () => {
    open += 1
    if (open === connections) resolve()
    await all
  }
  await Promise.all(Array.from({ length: connections }, () => pool.transaction(HELD_OPEN, hold)))
}

async function expectNothingHappened(of: Account): Promise<void> {
  expect(await world.world.population(of)).toEqual([])
  expect(await world.world.events(of)).toEqual([])
}

/** A read that waits for a first load that does not come. */
async function whileLoading(of: Account, url: string) {
  const read = world.get(of, url)
  await expect.poll(() => world.waiting).toBe(1)
  clock.advanceMs(20_000)
  expect((await read).statusCode).toBe(202)
  const events = await world.world.events(of)
  expect(events).toHaveLength(1)
  return { event: events[0] }
}
