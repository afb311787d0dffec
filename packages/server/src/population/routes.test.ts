import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Account, Principal, Scope } from '#src/accounts/principal.ts'
import { visibleTo } from '#src/accounts/principal.ts'
import { producersyncRoutes } from '#src/adapters/http/producersync.ts'
import { createHttp } from '#src/adapters/http/server.ts'
import { DomainError } from '#src/domain-error.ts'
import { preload } from '#src/updates/preload.ts'
import { ManualClock } from '../../test/manual-clock.ts'
import { range, type TestAccount, TestWorld } from '../../test/population-world.ts'
import { WatchedAnswers } from '../../test/watched-answers.ts'
import { registerPopulationRoutes } from './routes.ts'

const publicUrl = 'https://sync.example'
const base = '/v1/accounts/subscriptions'
const clock = new ManualClock('2026-03-06T02:30:00.811Z') // still 5 March in Chicago
let world: TestWorld
let http: FastifyInstance
let account: TestAccount
let wakes = 0
const answers = new WatchedAnswers()

beforeAll(async () => {
  world = await TestWorld.start(clock)
  http = createHttp({ log: pino({ level: 'silent' }) })
  answers.watch(http)
  const limiter = async () => ({ allowed: true, limit: 300, remaining: 299, resetSeconds: 9 })
  producersyncRoutes(http, { access: { authenticate, accountOf }, limiter, clock }, (routes) =>
    registerPopulationRoutes(routes, { api: world.api, clock, publicUrl, wakeRunner: () => (wakes += 1) }),
  )
  await http.ready()
})
afterAll(async () => {
  await http.close()
  await world.close()
  answers.check()
})
beforeEach(async () => {
  account = await world.addAccount()
})

describe('accepting a job', () => {
  test.each([
    ['POST', 200, 'replace'],
    ['PUT', 200, 'add'],
    ['DELETE', 202, 'remove'],
  ] as const)(
    'a %s answers %i with the job, which is committed and known to the runner',
    async (method, status, type) => {
      const before = wakes
      const response = await call(method, base, ['912484758', '15645555'])
      expect(response.statusCode).toBe(status)
      expect(response.headers['content-type']).toMatch(/^application\/json/)
      expect(response.headers['producersync-environment']).toBe('production')
      const { job_id: jobId } = response.json()
      expect(response.json()).toEqual({
        success: true,
        message: 'Job is in progress',
        job_id: jobId,
        links: { self: { href: `${publicUrl}${base}` }, status: { href: `${publicUrl}${base}/status/${jobId}` } },
      })
      expect(wakes).toBe(before + 1)
      expect(await world.job(account, jobId)).toMatchObject({ type, state: 'pending', requested: 2 })
    },
  )

  test('rule 13: 50,000 NPNs in one body are accepted; 50,001 answer 400 and change nothing', async () => {
    const npns = range(1_000_000_000, 1_000_050_000)
    const accepted = await call('PUT', base, npns.slice(1))
    expect(accepted.statusCode).toBe(200)
    const refused = await call('PUT', base, npns)
    expect(refused.statusCode).toBe(400)
    expect(refused.json().message).toBe('body: must hold at most 50000 NPNs, not 50001')
    await world.work()
    expect(await world.population(account)).toHaveLength(50_000)
    expect(await jobCount()).toBe(1)
  })

  test.each([
    ['PUT', '{}', 'body: must be a JSON array of NPNs'],
    ['PUT', '', 'body: must be a JSON array of NPNs'],
    ['PUT', '[]', 'body: must hold at least one NPN'],
    ['DELETE', '[]', 'body: must hold at least one NPN'],
    ['POST', '["1", 2]', 'body[1]: must be a string'],
    ['PUT', '["1", null]', 'body[1]: must be a string'],
    ['PUT', '["1",', 'body: '],
    ['PUT', '["\xff"]', 'body: '],
  ] as const)('a %s of %s answers 400 (%s…) and changes nothing', async (method, body, message) => {
    const response = await call(method, base, Buffer.from(body, 'latin1'))
    expect(response.statusCode).toBe(400)
    expect(response.json().message).toContain(message)
    expectErrorBody(response, 400, 'Bad Request', base)
    expect(await jobCount()).toBe(0)
  })

  test.each(['[]', '["00123","x"]'])(
    'rule 15: a POST of %s answers 400 without confirmEmpty and changes nothing',
    async (body) => {
      await call('PUT', base, ['1'])
      await world.work()
      const guarded = await call('POST', base, Buffer.from(body))
      expect(guarded.statusCode).toBe(400)
      expect(guarded.json().message).toContain('confirmEmpty')
      expect((await call('POST', `${base}?confirmEmpty=false`, Buffer.from(body))).statusCode).toBe(400)
      expect(await jobCount()).toBe(1)
      expect((await call('POST', `${base}?confirmEmpty=true`, Buffer.from(body))).statusCode).toBe(200)
      await world.work()
      expect(await world.population(account)).toEqual([])
    },
  )

  test('a body above 1 MiB answers 413, one that is not JSON 415', async () => {
    expect((await call('PUT', base, Buffer.alloc(1_048_577, 0x20))).statusCode).toBe(413)
    const text = await call('PUT', base, Buffer.from('["1"]'), { 'content-type': 'text/plain' })
    expectErrorBody(text, 415, 'Unsupported Media Type', base)
    expect(await jobCount()).toBe(0)
  })
})

describe('a job', () => {
  test('is read as specified, with its details in the order of the body', async () => {
    await call('PUT', base, ['15645555', '999999999'])
    await world.work()
    const { job_id: jobId } = (await call('POST', base, ['912484758', '15645555', '00123', '912484758'])).json()
    clock.advanceMs(92)
    await world.work()
    const job = await call('GET', `${base}/status/${jobId}`)
    expect(job.headers['content-type']).toMatch(/^application\/hal\+json/)
    const acceptedAt = new Date(clock.now().getTime() - 92).toISOString()
    const now = clock.now().toISOString()
    const url = `${publicUrl}${base}/status/${jobId}`
    expect(job.json()).toEqual({
      id: jobId,
      type: 'replace',
      state: 'partly_failed',
      createdAt: '2026-03-05',
      updatedAt: '2026-03-05',
      details: {
        requested: 4,
        distinct: 3,
        processed: 4,
        added: 1,
        alreadyActive: 1,
        removed: 1,
        notActive: 0,
        invalid: 1,
        message: null,
        acceptedAt,
        startedAt: now,
        finishedAt: now,
      },
      links: { self: { href: url }, details: { href: `${url}/details` } },
    })
    const details = await call('GET', `${base}/status/${jobId}/details`)
    expect(details.headers['content-type']).toMatch(/^application\/hal\+json/)
    expect(details.json()).toEqual({
      embedded: {
        details: [
          { npn: '912484758', outcome: 'added', reason: null },
          { npn: '15645555', outcome: 'already_active', reason: null },
          { npn: '00123', outcome: 'invalid', reason: 'malformed' },
          { npn: '999999999', outcome: 'removed', reason: null },
        ],
      },
      links: { self: { href: `${url}/details?page=0&size=250` } },
      page: { size: 250, totalElements: 4, totalPages: 1, number: 0 },
    })
    const invalid = await call('GET', `${base}/status/${jobId}/details?outcome=invalid&size=1`)
    expect(invalid.json()).toEqual({
      embedded: { details: [{ npn: '00123', outcome: 'invalid', reason: 'malformed' }] },
      links: { self: { href: `${url}/details?outcome=invalid&page=0&size=1` } },
      page: { size: 1, totalElements: 1, totalPages: 1, number: 0 },
    })
    expect((await call('GET', `${base}/status/${jobId}/details?outcome=not_active`)).json()).toEqual({
      links: { self: { href: `${url}/details?outcome=not_active&page=0&size=250` } },
      page: { size: 250, totalElements: 0, totalPages: 0, number: 0 },
    })
  })

  test('that has not started has no outcomes yet', async () => {
    const { job_id: jobId } = (await call('PUT', base, ['1', 'x'])).json()
    const job = (await call('GET', `${base}/status/${jobId}`)).json()
    expect(job).toMatchObject({ state: 'pending', details: { processed: 0, startedAt: null, finishedAt: null } })
    expect((await call('GET', `${base}/status/${jobId}/details`)).json().embedded.details).toEqual([
      { npn: '1', outcome: null, reason: null },
      { npn: 'x', outcome: null, reason: null },
    ])
  })

  test('rule 35: of another account answers the same 404 as an unknown one', async () => {
    const { job_id: jobId } = (await call('PUT', base, ['1'])).json()
    const other = await world.addAccount()
    const unknown = '0ded8367-01ac-4519-8cd7-ce965d55c0b0'
    for (const suffix of ['', '/details']) {
      const foreign = await call('GET', `${base}/status/${jobId}${suffix}`, undefined, tokenOf(other))
      const missing = await call('GET', `${base}/status/${unknown}${suffix}`)
      expect(foreign.statusCode).toBe(404)
      expect({ ...missing.json(), path: '' }).toEqual({ ...foreign.json(), path: '' })
    }
  })

  test('is readable for 90 days', async () => {
    const { job_id: jobId } = (await call('PUT', base, ['1'])).json()
    const age = async (days: string) => {
      await world.owner.query`
        update population_job set accepted_at = ${clock.now()}::timestamptz - ${days}::interval where id = ${jobId}`
      return (await call('GET', `${base}/status/${jobId}`)).statusCode
    }
    expect(await age('89 days 23:59:59')).toBe(200)
    expect(await age('90 days')).toBe(404)
  })

  test.each(['nonsense', '0ded8367-01ac-4519-8cd7-ce965d55c0b', "0'%20or%201=1"])(
    'with the malformed id %s answers 400',
    async (id) => {
      const response = await call('GET', `${base}/status/${id}`)
      expect(response.statusCode).toBe(400)
      expect(response.json().message).toContain('jobId')
    },
  )
})

describe('the population', () => {
  test('is listed as specified', async () => {
    account = await world.addAccount({ environment: 'sandbox' })
    await world.api.transaction({ settings: visibleTo(account.environment, account.accountId) }, (tx) =>
      preload(tx, { id: account.accountId, createdAt: new Date('2026-02-02T09:00:00.000Z') }),
    )
    await call('DELETE', base, ['19855109'])
    await call('PUT', base, ['912484758'])
    await world.work()
    const response = await call('GET', base)
    expect(response.headers['content-type']).toMatch(/^application\/hal\+json/)
    const activatedAt = (await world.events(account)).at(-1)?.timestamp
    expect(response.json()).toEqual({
      embedded: {
        subscriptions: [
          {
            npn: '15645555',
            activatedAt: '2026-02-02T09:00:00.000Z',
            source: 'preloaded',
            dataStatus: 'ready',
            links: { entity: { href: `${publicUrl}/v2/entities/15645555` } },
          },
          {
            npn: '912484758',
            activatedAt,
            source: 'put',
            dataStatus: 'loading',
            links: { entity: { href: `${publicUrl}/v2/entities/912484758` } },
          },
        ],
      },
      links: { self: { href: `${publicUrl}${base}?page=0&size=250` } },
      page: { size: 250, totalElements: 2, totalPages: 1, number: 0 },
    })
    expect((await call('GET', `${base}?dataStatus=ready`)).json()).toMatchObject({
      embedded: { subscriptions: [{ npn: '15645555' }] },
      links: { self: { href: `${publicUrl}${base}?dataStatus=ready&page=0&size=250` } },
      page: { totalElements: 1 },
    })
    expect((await call('GET', `${base}?dataStatus=not_found`)).json()).toEqual({
      links: { self: { href: `${publicUrl}${base}?dataStatus=not_found&page=0&size=250` } },
      page: { size: 250, totalElements: 0, totalPages: 0, number: 0 },
    })
  })

  test('has links to the pages that exist, and is ordered by NPN as a number', async () => {
    await call('PUT', base, ['10', '9', '100', '2', '33'])
    await world.work()
    const page = async (query: string) => {
      const { embedded, links, page } = (await call('GET', `${base}?${query}`)).json()
      const hrefs = Object.entries<{ href: string }>(links).map(([name, link]) => [name, link.href.split('?')[1]])
      return { npns: npnsOf(embedded), links: Object.fromEntries(hrefs), page }
    }
    expect(await page('size=2')).toEqual({
      npns: ['2', '9'],
      links: {
        self: 'page=0&size=2',
        first: 'page=0&size=2',
        next: 'page=1&size=2&after=9',
        last: 'page=2&size=2',
      },
      page: { size: 2, totalElements: 5, totalPages: 3, number: 0 },
    })
    expect(await page('page=1&size=2')).toMatchObject({ npns: ['10', '33'], links: { prev: 'page=0&size=2' } })
    expect(await page('page=1&size=2&after=9')).toMatchObject({
      npns: ['10', '33'],
      links: { self: 'page=1&size=2&after=9', next: 'page=2&size=2&after=33' },
    })
    const last = await page('page=2&size=2')
    expect(last.npns).toEqual(['100'])
    expect(last.links).not.toHaveProperty('next')
    expect(await page('page=7&size=2')).toMatchObject({
      npns: [],
      links: { prev: 'page=2&size=2' },
      page: { number: 7 },
    })
    expect(await page('page=0&size=2&after=11')).toMatchObject({ npns: ['33', '100'] })
  })

  test('following next neither skips nor repeats an NPN while jobs change the list', async () => {
    await call('PUT', base, range(1, 60))
    await world.work()
    const seen: string[] = []
    for (let href: string | undefined = `${base}?size=7`; href; ) {
      const { embedded, links }: SubscriptionsBody = (await call('GET', href)).json()
      seen.push(...npnsOf(embedded))
      href = links.next?.href.slice(publicUrl.length)
      const last = Number(seen.at(-1))
      await call('DELETE', base, [String(last), String(last - 3)]) // before the position
      await call('PUT', base, ['100000'].concat(String(1_000 + last))) // behind it
      await world.work()
    }
    expect(seen.filter((npn) => Number(npn) <= 60)).toEqual(range(1, 60))
    expect(new Set(seen).size).toBe(seen.length)
  })

  test('rule 35: of one account is nowhere in the answers of another', async () => {
    await call('PUT', base, ['1'])
    await world.work()
    const other = await world.addAccount()
    const response = await call('GET', base, undefined, tokenOf(other))
    expect(response.json()).toMatchObject({ page: { totalElements: 0 } })
    expect(response.json()).not.toHaveProperty('embedded')
  })

  test('rule 36: the same NPN in sandbox and production gives two separate worlds', async () => {
    const sandbox = await world.addAccount({ environment: 'sandbox' })
    await call('PUT', base, ['1'])
    const put = await call('PUT', base, ['1', '2'], tokenOf(sandbox))
    expect(put.headers['producersync-environment']).toBe('sandbox')
    await call('DELETE', base, ['1'])
    await world.work()
    expect(await world.population(sandbox)).toEqual(['1', '2'])
    expect(await world.population(account)).toEqual([])
    expect((await world.events(sandbox)).map((event) => event.npn)).toEqual(['1', '2'])
  })
})

describe('parameters', () => {
  const job = `${base}/status/0ded8367-01ac-4519-8cd7-ce965d55c0b0`
  test.each([
    ['GET', `${base}?size=0`, 'size'],
    ['GET', `${base}?size=1001`, 'size'],
    ['GET', `${base}?size=ten`, 'size'],
    ['GET', `${base}?size=`, 'size'],
    ['GET', `${base}?page=-1`, 'page'],
    ['GET', `${base}?page=1.5`, 'page'],
    ['GET', `${base}?page=99999999999999`, 'page'],
    ['GET', `${base}?page=1&page=2`, 'page'],
    ['GET', `${base}?after=007`, 'after'],
    ['GET', `${base}?dataStatus=READY`, 'dataStatus'],
    ['GET', `${base}?dataStatus=ready&dataStatus=loading`, 'dataStatus'],
    ['GET', `${base}?continuationToken=0`, 'continuationToken'],
    ['GET', `${base}?__proto__=0`, '__proto__'],
    ['GET', `${job}?page=0`, 'page'],
    ['GET', `${job}/details?outcome=done`, 'outcome'],
    ['GET', `${job}/details?after=1`, 'after'],
    ['POST', `${base}?confirmEmpty=yes`, 'confirmEmpty'],
    ['PUT', `${base}?confirmEmpty=true`, 'confirmEmpty'],
    ['DELETE', `${base}?dryRun=true`, 'dryRun'],
    ['GET', '/v1/accounts/settings?x=1', 'x'],
    ['PATCH', '/v1/accounts/settings?x=1', 'x'],
  ] as const)('%s %s answers 400 and names %s', async (method, url, name) => {
    const response = await call(method, url, method === 'GET' ? undefined : ['1'])
    expect(response.statusCode).toBe(400)
    expect(response.json().message).toContain(name)
    expect(await jobCount()).toBe(0)
  })

  test('an Accept that excludes JSON answers 406, HAL and anything else are served', async () => {
    const status = async (accept: string) => (await call('GET', base, undefined, { accept })).statusCode
    expect(await status('text/html')).toBe(406)
    expect(await status('application/hal+json')).toBe(200)
    expect(await status('application/json')).toBe(200)
    expect(await status('*/*')).toBe(200)
  })
})

describe('rule 38: scopes', () => {
  const job = `${base}/status/0ded8367-01ac-4519-8cd7-ce965d55c0b0`
  test.each([
    ['GET', base, 'producersync.read'],
    ['POST', base, 'producersync.write'],
    ['PUT', base, 'producersync.write'],
    ['DELETE', base, 'producersync.write'],
    ['GET', job, 'producersync.read'],
    ['GET', `${job}/details`, 'producersync.read'],
    ['GET', '/v1/accounts/settings', 'producersync.read'],
    ['PATCH', '/v1/accounts/settings', 'producersync.write'],
  ] as const)('%s %s needs %s', async (method, url, scope) => {
    const others = ['producersync.read', 'producersync.write', 'webhooks'].filter((other) => other !== scope)
    const body = method === 'GET' ? undefined : url === base ? ['1'] : { autoSubscribe: false }
    const refused = await call(method, url, body, tokenOf(account, others.join('+')))
    expectErrorBody(refused, 403, 'Forbidden', url)
    const allowed = await call(method, url, body, tokenOf(account, scope))
    expect([200, 202, 404]).toContain(allowed.statusCode)
    expectErrorBody(await call(method, url, body, { authorization: 'Bearer wrong' }), 401, 'Unauthorized', url)
  })
})

describe('settings', () => {
  const url = '/v1/accounts/settings'

  test('autoSubscribe is on by default, and can be read and set', async () => {
    expect((await call('GET', url)).json()).toEqual({ autoSubscribe: true })
    const patched = await call('PATCH', url, { autoSubscribe: false })
    expect([patched.statusCode, patched.json()]).toEqual([200, { autoSubscribe: false }])
    expect((await call('GET', url)).json()).toEqual({ autoSubscribe: false })
    expect((await call('PATCH', url, {})).json()).toEqual({ autoSubscribe: false })
    const other = await world.addAccount()
    expect((await call('GET', url, undefined, tokenOf(other))).json()).toEqual({ autoSubscribe: true })
  })

  test.each([{ autoSubscribe: 'false' }, { autoSubscribe: null }, { accountId: 'app_1' }, [], 'x'])(
    'a PATCH of %j answers 400 and changes nothing',
    async (body) => {
      expect((await call('PATCH', url, body)).statusCode).toBe(400)
      expect((await call('GET', url)).json()).toEqual({ autoSubscribe: true })
    },
  )
})

type SubscriptionsBody = { embedded?: { subscriptions: { npn: string }[] }; links: { next?: { href: string } } }
type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
type Response = Awaited<ReturnType<typeof call>>

function call(method: Method, url: string, body?: unknown, headers: Record<string, string> = {}) {
  const payload = body === undefined || Buffer.isBuffer(body) ? body : JSON.stringify(body)
  const type = payload === undefined ? {} : { 'content-type': 'application/json' }
  return http.inject({ method, url, headers: { ...tokenOf(account), ...type, ...headers }, payload })
}

/** A bearer token that says whom it is for, with which scopes. */
function tokenOf(
  { environment, accountId }: TestAccount,
  scopes = 'producersync.read+producersync.write',
): Record<string, string> {
  return { authorization: `Bearer ${environment}/${accountId}/${scopes}` }
}

async function authenticate(bearer: string | undefined): Promise<Principal> {
  const [environment, accountId, scopes] = bearer?.split('/') ?? []
  if ((environment !== 'sandbox' && environment !== 'production') || !accountId || !scopes) {
    throw new DomainError('unauthenticated', 'No valid token.')
  }
  return {
    kind: 'access',
    tokenId: 'tok_1',
    environment,
    accountId,
    clientId: 'client',
    scopes: new Set(scopes.split('+').filter(isScope)),
    capabilities: new Set(),
    featureFlags: new Set(),
    sessionId: null,
    portalSessionId: null,
  }
}

function isScope(text: string): text is Scope {
  return ['producersync.read', 'producersync.write', 'producersync.operate', 'webhooks'].includes(text)
}

async function accountOf({ environment }: Principal, id: string): Promise<Account> {
  const now = clock.now()
  const settings = { populationMax: 1_000_000, autoSubscribe: true, throttleRate: null, metadata: {} }
  return { id, environment, uid: null, name: 'Test', ...settings, createdAt: now, updatedAt: now }
}

function expectErrorBody(response: Response, status: number, error: string, path: string): void {
  expect(response.statusCode).toBe(status)
  const body = response.json()
  expect(Object.keys(body)).toEqual(['timestamp', 'status', 'error', 'message', 'path'])
  expect(body).toMatchObject({ status, error, path, timestamp: clock.now().toISOString() })
}

async function jobCount(): Promise<number> {
  const [row] = await world.owner.query<{ count: number }>`
    select count(*) from population_job where account_id = ${account.accountId}`
  return row?.count ?? 0
}

function npnsOf(embedded: { subscriptions: { npn: string }[] } | undefined): string[] {
  return embedded?.subscriptions.map(({ npn }) => npn) ?? []
}
