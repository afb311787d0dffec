import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import pino from 'pino'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { oauthRoutes } from '#src/adapters/http/oauth.ts'
import { createHttp } from '#src/adapters/http/server.ts'
import { IdSource } from '#src/adapters/ids.ts'
import type { Database } from '#src/adapters/postgres/database.ts'
import { ManualClock } from '../../test/manual-clock.ts'
import { type TestDatabase, testDatabase } from '../../test/postgres.ts'
import { createAccess } from './access.ts'
import { createClient, type NewSecret, revokeClient, rotateSecret } from './clients.ts'
import { newCredential } from './credentials.ts'
import { DataKeys, sealingKey } from './encryption.ts'
import { firstStart } from './first-start.ts'
import { type Account, type Scope, visibleTo } from './principal.ts'
import { RateLimiter } from './rate-limit.ts'
import { createAccount } from './store.ts'
import { registerTokenEndpoint } from './token-endpoint.ts'
import { TokenIssuer } from './token-issuer.ts'

const master = sealingKey(randomBytes(32))
const clock = new ManualClock('2026-03-06T16:41:00.000Z')
const ids = new IdSource(clock)
const parts = { clock, ids, dataKeys: new DataKeys(master), preload: async () => {} }
let db: TestDatabase
let api: Database
let account: Account
let http: FastifyInstance
let addresses = 0

beforeAll(async () => {
  db = await testDatabase()
  api = db.open('api')
  await firstStart(api, master, parts)
  const made = await api.transaction({ settings: visibleTo('production') }, (tx) =>
    createAccount(tx, parts, { environment: 'production', name: 'Test' }),
  )
  assert.ok(made)
  account = made
  http = startProcess()
})
afterAll(async () => {
  await http.close()
  await db.close()
})

function startProcess(): FastifyInstance {
  const database = db.open('api')
  const server = createHttp({ log: pino({ level: 'silent' }) })
  oauthRoutes(server, (routes) =>
    registerTokenEndpoint(routes, {
      issuer: new TokenIssuer({ database, clock, ids, limiter: new RateLimiter(database, clock) }),
    }),
  )
  return server
}

async function newClient(scopes?: Scope[]): Promise<NewSecret> {
  return await api.transaction({ settings: visibleTo('production', account.id) }, (tx) =>
    createClient(tx, parts, account, { name: 'Test', scopes }),
  )
}

/** An address that nobody has used before. */
function newAddress(): string {
  addresses += 1
  return `10.${(addresses >> 16) & 255}.${(addresses >> 8) & 255}.${addresses & 255}`
}

type Asked = {
  form?: Record<string, string> | string
  headers?: Record<string, string>
  address?: string
  on?: FastifyInstance
  query?: string
}

async function ask({ form = {}, headers = {}, address = newAddress(), on = http, query = '' }: Asked) {
  const payload = typeof form === 'string' ? form : new URLSearchParams(form).toString()
  const answer = await on.inject({
    method: 'POST',
    url: `/oauth2/token${query}`,
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    payload,
    remoteAddress: address,
  })
  return { status: answer.statusCode, headers: answer.headers, body: answer.json<Record<string, unknown>>() }
}

function formOf(client: NewSecret, more: Record<string, string> = {}): Record<string, string> {
  return { grant_type: 'client_credentials', client_id: client.clientId, client_secret: client.secret, ...more }
}

function basic(id: string, secret: string): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` }
}

describe('POST /oauth2/token (producersync-api 2)', () => {
  test('credentials in the form give a token of 3,600 s with every scope of the client, which access knows', async () => {
    const { status, headers, body } = await ask({ form: formOf(await newClient()) })
    assert.equal(status, 200)
    const { access_token: token, ...rest } = body
    assert.deepEqual(rest, {
      token_type: 'Bearer',
      expires_in: 3600,
      scope: 'producersync.read producersync.write webhooks',
    })
    assert.equal(headers['cache-control'], 'no-store')
    assert.ok(typeof token === 'string' && /^at_[0-9A-Za-z]{43}$/.test(token))
    const principal = await createAccess(api, clock).authenticate(token)
    assert.ok(principal.kind === 'access')
    assert.equal(principal.accountId, account.id)
  })

  test('rule 38: so do credentials by HTTP Basic, and either of two valid secrets', async () => {
    const client = await newClient()
    const second = await api.transaction({ settings: visibleTo('production', account.id) }, (tx) =>
      rotateSecret(tx, parts, { accountId: account.id, id: client.clientId }),
    )
    for (const { secret } of [client, second]) {
      const headers = basic(client.clientId, secret)
      assert.equal((await ask({ form: { grant_type: 'client_credentials' }, headers })).status, 200)
    }
    const form = { grant_type: 'client_credentials', client_id: client.clientId }
    assert.equal((await ask({ form, headers: basic(client.clientId, client.secret) })).status, 200)
  })

  test('a token may have fewer scopes than its client, never more', async () => {
    const client = await newClient(['producersync.read', 'producersync.write'])
    const some = await ask({ form: formOf(client, { scope: 'producersync.write' }) })
    assert.equal(some.body.scope, 'producersync.write')
    const empty = await ask({ form: formOf(client, { scope: '' }) })
    assert.equal(empty.body.scope, 'producersync.read producersync.write')
    for (const scope of ['webhooks', 'producersync.read webhooks', 'admin', 'producersync.read "', ' ']) {
      const { status, body } = await ask({ form: formOf(client, { scope }) })
      assert.deepEqual([status, body.error], [400, 'invalid_scope'], scope)
    }
  })

  const grant = { grant_type: 'client_credentials' }
  const bent: [string, (client: NewSecret) => Asked, number, string][] = [
    [
      'both ways of authentication',
      (c) => ({ form: formOf(c), headers: basic(c.clientId, c.secret) }),
      400,
      'invalid_request',
    ],
    [
      'another client id beside Basic',
      (c) => ({ form: { ...grant, client_id: 'x' }, headers: basic(c.clientId, c.secret) }),
      400,
      'invalid_request',
    ],
    [
      'a bearer token beside the form',
      (c) => ({ form: formOf(c), headers: { authorization: 'Bearer x' } }),
      400,
      'invalid_request',
    ],
    ['no grant type', (c) => ({ form: formOf(c, { grant_type: '' }) }), 400, 'invalid_request'],
    ['another grant type', (c) => ({ form: formOf(c, { grant_type: 'password' }) }), 400, 'unsupported_grant_type'],
    [
      'a grant type of a prototype',
      (c) => ({ form: formOf(c, { grant_type: 'constructor' }) }),
      400,
      'unsupported_grant_type',
    ],
    [
      'a parameter twice',
      (c) => ({ form: `${new URLSearchParams(formOf(c)).toString()}&scope=webhooks&scope=webhooks` }),
      400,
      'invalid_request',
    ],
    ['parameters in the URL', (c) => ({ form: formOf(c), query: '?scope=webhooks' }), 400, 'invalid_request'],
    [
      'a JSON body',
      (c) => ({ form: JSON.stringify(formOf(c)), headers: { 'content-type': 'application/json' } }),
      400,
      'invalid_request',
    ],
    ['no body', () => ({ form: '' }), 400, 'invalid_request'],
    [
      'control characters in the secret',
      (c) => ({ form: formOf(c, { client_secret: 'a\u0000b' }) }),
      400,
      'invalid_request',
    ],
    ['no credentials', () => ({ form: grant }), 401, 'invalid_client'],
    ['no secret', (c) => ({ form: { ...grant, client_id: c.clientId } }), 401, 'invalid_client'],
    ['an empty secret by Basic', (c) => ({ form: grant, headers: basic(c.clientId, '') }), 401, 'invalid_client'],
    ['Basic that is no Base64', () => ({ form: grant, headers: { authorization: 'Basic ??' } }), 401, 'invalid_client'],
    ['a wrong secret', (c) => ({ form: formOf(c, { client_secret: newCredential('cs_') }) }), 401, 'invalid_client'],
    ['a wrong secret by Basic', (c) => ({ form: grant, headers: basic(c.clientId, 'x') }), 401, 'invalid_client'],
    ['an unknown client', (c) => ({ form: formOf(c, { client_id: 'client_unknown' }) }), 401, 'invalid_client'],
  ]
  test.each(bent)('%s is refused by RFC 6749 5.2, uncached', async (_name, make, status, error) => {
    const client = await newClient()
    const answer = await ask(make(client))
    assert.deepEqual([answer.status, answer.body.error], [status, error])
    assert.equal(answer.headers['cache-control'], 'no-store')
    assert.equal(answer.headers['www-authenticate']?.toString().startsWith('Basic'), status === 401 ? true : undefined)
    assert.deepEqual(Object.keys(answer.body), ['error', 'error_description'])
    assert.ok(!JSON.stringify(answer.body).includes(client.secret))
  })

  test('unknown client, wrong secret and revoked client get the same answer', async () => {
    const revoked = await newClient()
    await api.transaction({ settings: visibleTo('production', account.id) }, (tx) =>
      revokeClient(tx, { accountId: account.id, id: revoked.clientId }, clock.now()),
    )
    const client = await newClient()
    const answers = await Promise.all([
      ask({ form: formOf(revoked) }),
      ask({ form: formOf(client, { client_secret: revoked.secret }) }),
      ask({ form: formOf(client, { client_id: 'client_x' }) }),
    ])
    assert.equal(new Set(answers.map(({ status, body }) => JSON.stringify([status, body]))).size, 1)
  })

  test('rule 37: a client may ask 200 times a minute, over all processes; the 201st is told when to come back', async () => {
    clock.advanceTo('2026-03-06T17:00:15.000Z')
    const client = await newClient()
    const other = startProcess()
    const answers = await Promise.all(
      Array.from({ length: 205 }, (_, index) => ask({ form: formOf(client), on: index % 2 ? http : other })),
    )
    assert.equal(answers.filter(({ status }) => status === 200).length, 200)
    for (const { status, headers, body } of answers) {
      assert.equal(headers['ratelimit-limit'], '200')
      assert.equal(headers['ratelimit-reset'], '45')
      if (status === 200) continue
      assert.equal(status, 429)
      assert.equal(headers['retry-after'], '45')
      assert.equal(headers['ratelimit-remaining'], '0')
      assert.equal(body.error, 'temporarily_unavailable')
    }
    clock.advanceTo('2026-03-06T17:01:00.000Z')
    assert.equal((await ask({ form: formOf(client) })).status, 200)
    await other.close()
  })
})

describe('guessing (reliability-security 11, T09)', () => {
  test('of 1,000 guesses at one client from one address through two processes, ten are evaluated', async () => {
    const client = await newClient()
    const address = newAddress()
    const other = startProcess()
    const guess = (on: FastifyInstance) =>
      ask({ form: formOf(client, { client_secret: newCredential('cs_') }), address, on })
    const answers = []
    for (let round = 0; round < 20; round += 1) {
      answers.push(...(await Promise.all(Array.from({ length: 50 }, (_, index) => guess(index % 2 ? http : other)))))
    }
    assert.equal(answers.filter(({ status }) => status === 401).length, 10)
    assert.equal(answers.filter(({ status }) => status === 429).length, 990)
    assert.equal(answers.at(-1)?.headers['retry-after'], '300')
    // not even the right secret is looked at from there
    assert.equal((await ask({ form: formOf(client), address })).status, 429)
    // the rightful client, elsewhere, is served
    assert.equal((await ask({ form: formOf(client) })).status, 200)
    await other.close()
  })

  test('an address that guesses at many clients is stopped too, and after the wait gets ten more, then a longer wait', async () => {
    const address = newAddress()
    const guess = async () => (await ask({ form: formOf(await newClient(), { client_secret: 'x' }), address })).status
    const statuses = async (count: number) => {
      const seen: number[] = []
      for (let time = 0; time < count; time += 1) seen.push(await guess())
      return seen
    }
    const stopped = [...Array.from({ length: 10 }, () => 401), 429]
    assert.deepEqual(await statuses(11), stopped)
    clock.advanceMs(300_000)
    assert.deepEqual(await statuses(11), stopped)
    clock.advanceMs(300_000)
    assert.equal(await guess(), 429)
    clock.advanceMs(300_000)
    assert.equal(await guess(), 401)
  })

  test('guesses from many addresses: past the tenth each address is heard once, and the rightful client is served', async () => {
    const client = await newClient()
    const wrong = formOf(client, { client_secret: 'x' })
    const statuses: number[] = []
    const places = Array.from({ length: 20 }, newAddress)
    for (const address of places) statuses.push((await ask({ form: wrong, address })).status)
    assert.deepEqual(
      statuses,
      places.map((_, index) => (index < 10 ? 401 : 429)),
    )
    assert.equal((await ask({ form: formOf(client), address: places[15] })).status, 429)
    assert.equal((await ask({ form: formOf(client) })).status, 200)
  })

  test('what an address sends without a valid client counts for it, 200 a minute', async () => {
    clock.advanceTo('2026-03-06T19:00:00.000Z')
    const address = newAddress()
    const answers = await Promise.all(
      Array.from({ length: 210 }, () => ask({ form: { grant_type: 'password' }, address })),
    )
    assert.equal(answers.filter(({ status }) => status === 400).length, 200)
    assert.equal(answers.filter(({ status }) => status === 429).length, 10)
  })
})
