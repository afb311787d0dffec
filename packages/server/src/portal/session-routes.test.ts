import assert from 'node:assert/strict'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { visibleTo } from '#src/accounts/principal.ts'
import { IdSource } from '#src/adapters/ids.ts'
import { DomainError } from '#src/domain-error.ts'
import type { TestAccount } from '../../test/api-client.ts'
import { type Answer, TestService } from '../../test/service.ts'
import { portalCookie } from './cookie.ts'
import { createLink } from './link-store.ts'

let service: TestService
let beside: TestService
let account: TestAccount
beforeAll(async () => {
  service = await TestService.start()
  beside = await TestService.start({ beside: service, environment: { ROLES: 'api' } })
  account = await service.account()
})
afterAll(async () => {
  await beside.close()
  await service.close()
})

const SAME_ORIGIN = { 'sec-fetch-site': 'same-origin' }

async function link(body: object = {}, of = account): Promise<string> {
  const { url } = await service.ok('POST', `/api/v1/auth/app-portal-access/${of.id}`, body, { token: of.key })
  return url.split('#key=')[1]
}

/** Calls as the portal's own page does, or with other headers. */
async function portal(
  method: string,
  path: string,
  body?: unknown,
  {
    cookie,
    headers = SAME_ORIGIN,
    at = service,
  }: { cookie?: string; headers?: Record<string, string>; at?: TestService } = {},
): Promise<Answer> {
  return await at.call(method, `/portal/session${path}`, body, {
    headers: { authorization: '', ...headers, ...(cookie === undefined ? {} : { cookie }) },
  })
}

async function signIn(body: object = {}): Promise<{ cookie: string; session: Answer['body'] }> {
  const answer = await portal('POST', '', { key: await link(body) })
  assert.equal(answer.status, 200, answer.text)
  return { cookie: cookieOf(answer), session: answer.body }
}

function cookieOf({ headers }: Answer): string {
  return headers.get('set-cookie')?.split(';')[0] ?? ''
}

async function tokenOf(cookie: string): Promise<string> {
  const answer = await portal('POST', '/token', {}, { cookie })
  assert.equal(answer.status, 200, answer.text)
  return answer.body.token
}

async function works(token: string, at = service): Promise<boolean> {
  return (await at.call('GET', `/api/v1/app/${account.id}`, undefined, { token })).status === 200
}

describe('T10: a login link', () => {
  test('used 200 times at once, in two processes, makes one session', async () => {
    const key = await link()
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, index) => portal('POST', '', { key }, { at: index % 2 ? beside : service })),
    )
    assert.deepEqual(
      [200, 401].map((status) => answers.filter((answer) => answer.status === status).length),
      [1, 199],
    )
    const dead = answers.filter(({ status }) => status === 401)
    assert.equal(new Set(dead.map(({ text }) => text)).size, 1)
    assert.ok(dead.every(({ headers }) => headers.get('set-cookie') === null))
  })

  test('is not spent by GET, HEAD, a prefetch, a preview or anything but the POST of its own page', async () => {
    const key = await link()
    for (const method of ['GET', 'HEAD', 'PUT', 'PATCH', 'OPTIONS']) {
      const body = ['GET', 'HEAD', 'OPTIONS'].includes(method) ? undefined : { key }
      const response = await fetch(`${service.url}/portal/session?key=${key}`, {
        method,
        headers: { ...SAME_ORIGIN, 'content-type': 'application/json' },
        ...(body ? { body: JSON.stringify(body) } : {}),
      })
      assert.equal(response.status, method === 'GET' || method === 'HEAD' ? 401 : 405, method)
    }
    assert.equal((await portal('POST', `?key=${key}`, {})).status, 422)
    assert.equal((await portal('POST', '', { key })).status, 200)
  })

  test('that is used, expired, revoked, foreign-made, altered or malformed is answered alike, and names nobody', async () => {
    const used = await link()
    assert.equal((await portal('POST', '', { key: used })).status, 200)
    const expired = await link({ expiry: 3_600 })
    const gone = await service.account('sandbox')
    const ofDeleted = await link({}, gone)
    await service.ok('DELETE', `/api/v1/app/${gone.id}`, undefined, { token: gone.key })
    service.clock.advanceMs(3_600_000)
    const altered = `${(await link()).slice(0, -1)}-`
    const keys = [
      used,
      expired,
      ofDeleted,
      altered,
      `lk_${'A'.repeat(43)}`,
      '',
      'x',
      'x'.repeat(10_000),
      "' or true --",
    ]
    const answers = await Promise.all(keys.map((key) => portal('POST', '', { key })))
    for (const answer of answers) assert.equal(answer.status, 401)
    assert.equal(new Set(answers.map(({ text }) => text)).size, 1)
    const headersOf = ({ headers }: Answer) =>
      JSON.stringify([...headers].filter(([name]) => name !== 'date' && name !== 'x-request-id'))
    assert.equal(new Set(answers.map(headersOf)).size, 1)
  })

  test('for a person: of many made at once one works, and the eleventh within an hour is refused', async () => {
    const api = service.database.open('api', { connectionsMax: 8 })
    const parts = { clock: service.clock, ids: new IdSource(service.clock) }
    const rights = { capabilities: ['ViewBase'] as const, featureFlags: [], sessionId: null }
    const expiresAt = new Date(service.clock.now().getTime() + 7_200_000)
    const settings = visibleTo('production', account.id)
    const make = async (person: string) =>
      await api.transaction({ settings }, (tx) =>
        createLink(tx, parts, account, { person, role: 'viewer', rights, expiresAt, sessionsEndAt: null }),
      )
    const keys = (await Promise.all(Array.from({ length: 10 }, () => make('Grace')))).map(({ key }) => key)
    const answers = await Promise.all(keys.map((key) => portal('POST', '', { key })))
    assert.equal(answers.filter(({ status }) => status === 200).length, 1)
    const isLimited = (error: unknown) => error instanceof DomainError && error.code === 'rate_limited'
    await assert.rejects(make('Grace'), isLimited)
    await make('Linus')
    service.clock.advanceMs(3_600_000)
    await make('Grace')
  })

  test('of an operator can be used until it expires, and its session then lasts its own time', async () => {
    const api = service.database.open('api')
    const parts = { clock: service.clock, ids: new IdSource(service.clock) }
    const rights = { capabilities: ['ViewBase'] as const, featureFlags: [], sessionId: null }
    const expiresAt = new Date(service.clock.now().getTime() + 3_600_000)
    const invitation = { person: 'Ada', role: 'viewer' as const, rights, expiresAt, sessionsEndAt: null }
    const settings = visibleTo('production', account.id)
    const make = async () => await api.transaction({ settings }, (tx) => createLink(tx, parts, account, invitation))
    const [{ key: ended }, { key }] = [await make(), await make()]
    service.clock.advanceMs(3_599_999)
    assert.equal((await portal('POST', '', { key: ended })).status, 401) // the second ended the first
    const answer = await portal('POST', '', { key })
    assert.deepEqual([answer.body.person, answer.body.grants[0].role], ['Ada', 'viewer'])
    assert.equal(Date.parse(answer.body.endsAt) - service.clock.now().getTime(), 12 * 3_600_000)
    const { key: late } = await make()
    service.clock.advanceMs(1)
    assert.equal((await portal('POST', '', { key: late })).status, 401)
    const token = await tokenOf(cookieOf(answer))
    assert.equal((await service.call('GET', '/v1/accounts/settings', undefined, { token })).status, 200)
    assert.equal((await service.call('PATCH', '/v1/accounts/settings', {}, { token })).status, 403)
    const asked = await service.call('GET', '/v1/accounts/settings', undefined, {
      token: await tokenOf(cookieOf(answer)),
    })
    assert.equal(asked.headers.get('ratelimit-remaining'), '297') // one window for all tokens of a session
  })

  test('stands in no log line', async () => {
    const key = await link()
    await portal('POST', '', { key })
    await portal('POST', '', { key })
    for (const line of [...service.logLines, ...beside.logLines]) assert.ok(!line.includes(key.slice(3)))
  })
})

describe('a session', () => {
  test('says who came in, to what, and until when', async () => {
    const { cookie, session } = await signIn({ capabilities: ['ViewBase', 'ManagePopulation'], featureFlags: ['beta'] })
    const now = service.clock.now().getTime()
    assert.deepEqual(session, {
      id: session.id,
      environment: 'production',
      person: null,
      staff: null,
      grants: [
        {
          account: { id: account.id, uid: null, name: 'Test' },
          role: null,
          capabilities: ['ViewBase', 'ManagePopulation'],
          featureFlags: ['beta'],
          timeZone: null,
          look: { name: null, radius: null, hasLogo: false, colours: null },
        },
      ],
      createdAt: new Date(now).toISOString(),
      idleEndsAt: new Date(now + 30 * 60_000).toISOString(),
      endsAt: new Date(now + 12 * 3_600_000).toISOString(),
      sendsMail: false,
    })
    assert.deepEqual((await portal('GET', '', undefined, { cookie })).body, session)
    assert.deepEqual((await portal('GET', '', undefined, { cookie, at: beside })).body, session)
  })

  test('T11: a preset cookie is not adopted: each sign-in makes a new one', async () => {
    const { cookie: before } = await signIn()
    const answer = await portal('POST', '', { key: await link() }, { cookie: before })
    assert.equal(answer.status, 200)
    assert.notEqual(cookieOf(answer), before)
    const preset = `psapi=ps_${'A'.repeat(43)}`
    const second = await portal('POST', '', { key: await link() }, { cookie: preset })
    assert.notEqual(cookieOf(second), preset)
    assert.equal((await portal('GET', '', undefined, { cookie: preset })).status, 401)
  })

  test('T11: the cookie is out of reach of scripts and of other sites', async () => {
    const answer = await portal('POST', '', { key: await link() })
    const [pair = '', ...flags] = (answer.headers.get('set-cookie') ?? '').split('; ')
    assert.match(pair, /^psapi=ps_[0-9A-Za-z]{43}$/)
    assert.deepEqual(flags.toSorted(), ['HttpOnly', 'Max-Age=43200', 'Path=/', 'SameSite=Strict'])
    assert.equal(answer.headers.get('access-control-allow-origin'), null)
    assert.equal(answer.headers.get('cache-control'), 'no-store')
  })

  test.each([
    ['https://hooks.example.com', '__Host-psapi', true],
    ['http://hooks.example.com', '__Host-psapi', true],
    ['http://localhost.example.com', '__Host-psapi', true],
    ['https://localhost', '__Host-psapi', true],
    ['http://localhost:8080', 'psapi', false],
    ['http://127.0.0.1:8080', 'psapi', false],
    ['http://[::1]:8080', 'psapi', false],
  ])('T11: the cookie is for one host and for TLS, but on a developer’s own service: %s', (url, name, isSecure) => {
    const { set, read, clear } = portalCookie(url)
    const header = set('value', new Date(60_000), new Date(0))
    assert.equal(header.startsWith(`${name}=value; Max-Age=60; Path=/; HttpOnly; SameSite=Strict`), true)
    assert.equal(header.includes('Secure'), isSecure)
    assert.match(clear(), /=; Max-Age=0;/)
    assert.equal(read(`a=b; ${name}=one; c=d`), 'one')
    assert.equal(read(`${name}=one; ${name}=two`), undefined)
    assert.equal(read(`x${name}=one`), undefined)
    assert.equal(read(undefined), undefined)
  })

  test('ends after 30 idle minutes, its token with it; a sign of the person moves that, renewing a token does not', async () => {
    const { cookie } = await signIn()
    service.clock.advanceMs(20 * 60_000)
    const extended = await portal('POST', '/extend', {}, { cookie })
    assert.equal(Date.parse(extended.body.idleEndsAt) - service.clock.now().getTime(), 30 * 60_000)
    service.clock.advanceMs(20 * 60_000)
    const renewed = await portal('POST', '/token', {}, { cookie })
    assert.equal(Date.parse(renewed.body.tokenExpiresAt) - service.clock.now().getTime(), 10 * 60_000)
    assert.equal((await portal('GET', '', undefined, { cookie })).status, 200)
    service.clock.advanceMs(10 * 60_000 - 1)
    assert.ok(await works(renewed.body.token))
    assert.equal((await portal('GET', '', undefined, { cookie })).status, 200)
    service.clock.advanceMs(1)
    assert.ok(!(await works(renewed.body.token)))
    for (const [method, path] of [
      ['GET', ''],
      ['POST', '/extend'],
      ['POST', '/token'],
      ['DELETE', ''],
    ] as const) {
      const answer = await portal(method, path, method === 'GET' ? undefined : {}, { cookie })
      assert.deepEqual([answer.status, answer.body.code], [401, 'authentication_failed'], `${method} ${path}`)
    }
  })

  test('ends after 12 h, whatever happens', async () => {
    const { cookie, session } = await signIn()
    for (let minutes = 25; minutes < 720; minutes += 25) {
      service.clock.advanceMs(25 * 60_000)
      const { status, body } = await portal('POST', '/extend', {}, { cookie })
      assert.equal(status, 200)
      assert.ok(body.idleEndsAt <= session.endsAt)
    }
    service.clock.advanceMs(10 * 60_000)
    const last = await portal('POST', '/token', {}, { cookie })
    assert.equal(last.body.tokenExpiresAt, session.endsAt)
    service.clock.advanceTo(new Date(session.endsAt))
    assert.equal((await portal('POST', '/extend', {}, { cookie })).status, 401)
    assert.ok(!(await works(last.body.token)))
  })

  test('gives tokens of 15 min for its account alone, with its rights', async () => {
    const { cookie } = await signIn({ readOnly: true, sessionId: 'user_1' })
    const answer = await portal('POST', '/token', { account: account.id, acount: 'x' }, { cookie })
    assert.equal(answer.headers.get('x-ignored-fields'), 'acount')
    assert.match(answer.body.token, /^appsk_/)
    assert.equal(Date.parse(answer.body.tokenExpiresAt) - service.clock.now().getTime(), 15 * 60_000)
    const { token } = answer.body
    const { body } = await service.call('GET', '/api/v1/auth/whoami', undefined, { token })
    assert.deepEqual([body.appId, body.sessionId], [account.id, 'user_1'])
    const path = `/api/v1/app/${account.id}/endpoint`
    assert.equal((await service.call('POST', path, { url: 'https://example.com/' }, { token })).status, 403)
    const other = await service.account()
    for (const id of [other.id, `app_${'0'.repeat(27)}`, 'x', '']) {
      const refused = await portal('POST', '/token', { account: id }, { cookie })
      assert.deepEqual([refused.status, refused.body], [404, { code: 'not_found', detail: 'Entity not found' }])
    }
  })

  test('has at most 100 live tokens, however many are asked for at once', async () => {
    const { cookie } = await signIn()
    const answers = await Promise.all(Array.from({ length: 110 }, () => portal('POST', '/token', {}, { cookie })))
    assert.equal(answers.filter(({ status }) => status === 200).length, 100)
    const refused = answers.filter(({ status }) => status === 429)
    assert.equal(refused.length, 10)
    assert.ok(refused.every(({ headers, body }) => headers.has('retry-after') && body.code === 'rate_limited'))
    service.clock.advanceMs(15 * 60_000)
    assert.equal((await portal('POST', '/token', {}, { cookie })).status, 200)
  })

  test('21: signing out ends it and its tokens in every process within 5 s; the old cookie is dead', async () => {
    const { cookie } = await signIn()
    const { cookie: other } = await signIn()
    const tokens = [await tokenOf(cookie), await tokenOf(cookie)]
    const untouched = await tokenOf(other)
    for (const token of tokens) assert.ok((await works(token)) && (await works(token, beside)))
    const answer = await portal('DELETE', '', {}, { cookie })
    assert.deepEqual([answer.status, answer.text], [204, ''])
    assert.match(answer.headers.get('set-cookie') ?? '', /^psapi=; Max-Age=0; Path=\/; /)
    assert.equal((await portal('GET', '', undefined, { cookie, at: beside })).status, 401)
    service.clock.advanceMs(5_000)
    for (const token of tokens) assert.ok(!(await works(token)) && !(await works(token, beside)))
    assert.ok(await works(untouched))
  })

  test('signing out everywhere ends what carries the same session name, and nobody else’s', async () => {
    const mine = [await signIn({ sessionId: 'me' }), await signIn({ sessionId: 'me' })]
    const theirs = [await signIn({ sessionId: 'them' }), await signIn()]
    const tokens = await Promise.all(mine.map(({ cookie }) => tokenOf(cookie)))
    const [first] = mine
    await portal('DELETE', '', { everywhere: true }, { cookie: first?.cookie ?? '' })
    service.clock.advanceMs(5_000)
    for (const { cookie } of mine) assert.equal((await portal('GET', '', undefined, { cookie })).status, 401)
    for (const token of tokens) assert.ok(!(await works(token)))
    for (const { cookie } of theirs) assert.equal((await portal('GET', '', undefined, { cookie })).status, 200)
    const [, nameless] = theirs
    await portal('DELETE', '', { everywhere: true }, { cookie: nameless?.cookie ?? '' })
    assert.equal((await portal('GET', '', undefined, { cookie: theirs[0]?.cookie ?? '' })).status, 200)
  })

  test('a token that is given out while the session ends does not outlive it', async () => {
    for (let round = 0; round < 10; round += 1) {
      const { cookie } = await signIn()
      const [given] = await Promise.all([
        portal('POST', '/token', {}, { cookie, at: beside }),
        portal('DELETE', '', {}, { cookie }),
      ])
      service.clock.advanceMs(5_000)
      if (given.status === 200) assert.ok(!(await works(given.body.token)))
    }
  })

  test('embedded, it has no cookie: its token stands for it, and can be renewed', async () => {
    const answer = await portal('POST', '', { key: await link(), embed: true })
    assert.equal(answer.status, 200)
    assert.equal(answer.headers.get('set-cookie'), null)
    const { token, tokenExpiresAt, ...session } = answer.body
    assert.equal(Date.parse(tokenExpiresAt) - service.clock.now().getTime(), 15 * 60_000)
    assert.ok(await works(token))
    const bearer = (text: string) => ({ headers: { ...SAME_ORIGIN, authorization: `Bearer ${text}` } })
    assert.deepEqual((await portal('GET', '', undefined, bearer(token))).body, session)
    service.clock.advanceMs(10 * 60_000)
    const renewed = await portal('POST', '/token', {}, bearer(token))
    assert.equal(renewed.status, 200)
    assert.equal((await portal('POST', '/extend', {}, bearer(renewed.body.token))).status, 200)
    assert.equal((await portal('DELETE', '', {}, bearer(renewed.body.token))).status, 204)
    service.clock.advanceMs(5_000)
    for (const dead of [token, renewed.body.token]) {
      assert.ok(!(await works(dead)))
      assert.equal((await portal('POST', '/token', {}, bearer(dead))).status, 401)
    }
    const { token: plain } = await service.ok('POST', `/api/v1/auth/app-portal-access/${account.id}`, {})
    for (const other of [plain, account.key, 'x']) {
      assert.equal((await portal('GET', '', undefined, bearer(other))).status, 401)
    }
  })
})

describe('T12: other pages', () => {
  test('57: the cookie opens nothing of the API, and a page of another origin can call that with a token', async () => {
    const { cookie } = await signIn()
    const path = `/api/v1/app/${account.id}`
    for (const authorization of ['', 'Bearer x']) {
      assert.equal((await service.call('GET', path, undefined, { headers: { authorization, cookie } })).status, 401)
    }
    const headers = { origin: 'https://elsewhere.example', cookie, 'sec-fetch-site': 'cross-site' }
    const answer = await service.call('GET', path, undefined, { token: await tokenOf(cookie), headers })
    assert.equal(answer.status, 200)
    assert.equal(answer.headers.get('access-control-allow-origin'), '*')
    assert.equal(answer.headers.get('access-control-allow-credentials'), null)
  })

  test.each([
    ['cross-site', { 'sec-fetch-site': 'cross-site' }],
    ['same-site', { 'sec-fetch-site': 'same-site' }],
    ['typed into the address bar', { 'sec-fetch-site': 'none' }],
    ['cross-site with our origin', { 'sec-fetch-site': 'cross-site', origin: 'ours' }],
    ['another origin', { origin: 'http://127.0.0.1' }],
    ['one that begins as ours', { origin: 'ours.example' }],
    ['no origin at all', {}],
    ['null origin', { origin: 'null' }],
  ])('%s: refused, without effect', async (_, given: Record<string, string>) => {
    const { origin, ...rest } = given
    const headers = origin === undefined ? rest : { ...rest, origin: origin.replace('ours', service.url) }
    const { cookie } = await signIn()
    const key = await link()
    for (const [method, path, body] of [
      ['GET', '', undefined],
      ['POST', '', { key }],
      ['POST', '/token', {}],
      ['POST', '/extend', {}],
      ['DELETE', '', {}],
    ] as const) {
      const answer = await portal(method, path, body, { cookie, headers })
      assert.deepEqual([answer.status, answer.body.code], [403, 'insufficient access'], `${method} ${path}`)
      assert.equal(answer.headers.get('set-cookie'), null)
      assert.equal(answer.headers.get('access-control-allow-origin'), null)
    }
    assert.equal((await portal('GET', '', undefined, { cookie })).status, 200)
    assert.equal((await portal('POST', '', { key }, { headers: { origin: service.url } })).status, 200)
  })

  test('a form cannot: what is no JSON is refused, without effect', async () => {
    const { cookie } = await signIn()
    const key = await link()
    for (const type of ['application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'text/plain', '']) {
      for (const [method, path] of [
        ['POST', ''],
        ['POST', '/token'],
        ['DELETE', ''],
      ] as const) {
        const answer = await service.call(method, `/portal/session${path}`, undefined, {
          rawBody: JSON.stringify({ key }),
          headers: { ...SAME_ORIGIN, cookie, 'content-type': type },
        })
        assert.equal(answer.status, 415, `${method} ${path} ${type}`)
      }
    }
    const withoutBody = await portal('DELETE', '', undefined, { cookie })
    assert.equal(withoutBody.status, 415)
    assert.equal((await portal('GET', '', undefined, { cookie })).status, 200)
    assert.equal((await portal('POST', '', { key })).status, 200)
  })

  test('unknown paths and methods are JSON', async () => {
    const wrong = await portal('PATCH', '', {})
    assert.deepEqual([wrong.status, wrong.headers.get('allow')], [405, 'GET, HEAD, POST, DELETE'])
    assert.equal((await portal('GET', '/nowhere')).body.code, 'not_found')
    assert.equal((await portal('GET', '/token')).status, 405)
  })
})

test('T05: requests of 20 accounts, interleaved over few connections, see only their own', async () => {
  const accounts = await Promise.all(
    Array.from({ length: 20 }, async (_, index) => {
      const { id } = await service.ok('POST', '/api/v1/app', { name: `canary-${index}-` })
      const { token } = await service.ok('POST', `/api/v1/auth/app-portal-access/${id}`, {})
      await service.ok('POST', `/api/v1/app/${id}/msg`, { eventType: 'a', payload: { canary: `canary-${index}-` } })
      return { id, token, canary: `canary-${index}-` }
    }),
  )
  const ask = async ({ id, token, canary }: (typeof accounts)[number], foreign: string) => {
    const texts = await Promise.all([
      service.call('GET', `/api/v1/app/${id}`, undefined, { token }),
      service.call('GET', `/api/v1/app/${id}/msg`, undefined, { token }),
      service.call('GET', `/api/v1/app/${foreign}/msg`, undefined, { token }),
    ])
    assert.deepEqual(
      texts.map(({ status }) => status),
      [200, 200, 404],
    )
    const seen = texts.flatMap(({ text }) => text.match(/canary-\d+-/g) ?? [])
    assert.deepEqual(new Set(seen), new Set([canary]))
  }
  for (let round = 0; round < 10; round += 1) {
    await Promise.all(accounts.map((one, index) => ask(one, accounts[(index + round + 1) % 20]?.id ?? '')))
  }
})
