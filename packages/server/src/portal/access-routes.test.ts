import assert from 'node:assert/strict'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { addMs } from '#src/adapters/clock.ts'
import { VERSION } from '#src/version.ts'
import { TestService } from '../../test/service.ts'

let service: TestService
let beside: TestService
beforeAll(async () => {
  service = await TestService.start()
  beside = await TestService.start({ beside: service, environment: { ROLES: 'api' } })
})
afterAll(async () => {
  await beside.close()
  await service.close()
})

const KEY = /#key=(lk_[0-9A-Za-z]{43})$/

/** A token and a link for an account. */
async function give(accountId: string, body: object = {}): Promise<{ token: string; url: string; key: string }> {
  const { token, url } = await service.ok('POST', `/api/v1/auth/app-portal-access/${accountId}`, body)
  return { token, url, key: KEY.exec(url)?.[1] ?? '' }
}

async function whoami(token: string, at = service) {
  return await at.call('GET', '/api/v1/auth/whoami', undefined, { token })
}

/** Spends a link; `headers` as a browser on the portal's own page sends them. */
async function signIn(key: string, more: object = {}) {
  return await service.call('POST', '/portal/session', { key, ...more }, { headers: { origin: service.url } })
}

/** Has a token ended, in both processes, within 5 s? */
async function hasEnded(token: string): Promise<boolean> {
  service.clock.advanceMs(5_000)
  const answers = await Promise.all([whoami(token), whoami(token, beside)])
  return answers.every(({ status }) => status === 401)
}

describe('app-portal-access (webhook-api 2.2)', () => {
  test('gives a token of the account and a link whose key stands in the fragment; neither is stored', async () => {
    const account = await service.account()
    const answer = await service.call('POST', `/api/v1/auth/app-portal-access/${account.id}`, undefined)
    assert.equal(answer.status, 200)
    assert.deepEqual(Object.keys(answer.body).sort(), ['token', 'url'])
    const { token, url } = answer.body
    assert.match(token, /^appsk_[0-9A-Za-z]{43}$/)
    assert.match(url, KEY)
    assert.equal(url.split('#')[0], `${service.url}/portal/login`)
    assert.deepEqual((await whoami(token)).body, {
      envId: (await whoami(account.key)).body.envId,
      appId: account.id,
      permissionSource: 'RegionalAuthToken',
      sessionId: null,
      person: null,
      role: null,
      expiresAt: addMs(service.clock.now(), 7 * 86_400_000).toISOString(),
      version: VERSION,
    })
    const owner = service.database.open('migrate')
    const stored = await owner.query<{ text: string }>`
      select row_to_json(t)::text as text from token t union all select row_to_json(l)::text from login_link l`
    const secrets = [token, token.slice(6), url.split('=')[1] ?? '']
    for (const { text } of stored) for (const secret of secrets) assert.ok(!text.includes(secret))
    for (const line of service.logLines) for (const secret of secrets) assert.ok(!line.includes(secret))
  })

  test.each([
    [{ expiry: 3_599 }, 'expiry'],
    [{ expiry: 604_801 }, 'expiry'],
    [{ expiry: '3600' }, 'expiry'],
    [{ capabilities: [] }, 'capabilities'],
    [{ capabilities: ['ManageEndpoint'] }, 'capabilities'],
    [{ capabilities: ['ViewBase', 'Everything'] }, 'capabilities'],
    [{ readOnly: true, capabilities: ['ViewBase'] }, 'readOnly'],
    [{ featureFlags: Array.from({ length: 26 }, (_, index) => `flag${index}`) }, 'featureFlags'],
    [{ featureFlags: ['-x'] }, 'featureFlags'],
    [{ sessionId: '' }, 'sessionId'],
    [{ sessionId: 'a b' }, 'sessionId'],
    [{ sessionId: 'a'.repeat(65) }, 'sessionId'],
  ])('20: %j is refused, naming the field', async (body, field) => {
    const account = await service.account()
    const answer = await service.call('POST', `/api/v1/auth/app-portal-access/${account.id}`, body)
    assert.equal(answer.status, 422)
    assert.equal(answer.body.detail[0].loc[1], field)
  })

  test('null is absent: the six capabilities, no flags, 604,800 s', async () => {
    const account = await service.account()
    const nothing = { expiry: null, capabilities: null, readOnly: null, featureFlags: null, sessionId: null }
    const { key } = await give(account.id, { ...nothing, application: null })
    const session = (await signIn(key)).body
    assert.deepEqual(session.grants[0].capabilities.toSorted(), [
      'CreateAttempts',
      'ManageEndpoint',
      'ManageEndpointSecret',
      'ManageTransformations',
      'ViewBase',
      'ViewEndpointSecret',
    ])
    assert.deepEqual(session.grants[0].featureFlags, [])
    const { token } = await give(account.id, nothing)
    service.clock.advanceMs(604_799_000)
    assert.equal((await whoami(token)).status, 200)
    service.clock.advanceMs(1_000)
    assert.equal((await whoami(token)).status, 401)
  })

  test('20: a token of 3,600 s is 401 at 3,601 s, and so is a session made from its link', async () => {
    const account = await service.account()
    const { token, key } = await give(account.id, { expiry: 3_600 })
    const { key: late } = await give(account.id, { expiry: 3_600 })
    service.clock.advanceMs(3_000_000)
    const session = await signIn(key)
    assert.equal(Date.parse(session.body.endsAt) - service.clock.now().getTime(), 600_000)
    service.clock.advanceMs(599_000)
    assert.equal((await whoami(token)).status, 200)
    assert.equal((await whoami(token, beside)).status, 200)
    service.clock.advanceMs(2_000)
    assert.equal((await whoami(token)).status, 401)
    assert.equal((await whoami(token, beside)).status, 401)
    const cookie = session.headers.get('set-cookie')?.split(';')[0] ?? ''
    const asked = await service.call('GET', '/portal/session', undefined, {
      headers: { cookie, origin: service.url, authorization: '' },
    })
    assert.equal(asked.status, 401)
    assert.equal((await signIn(late)).status, 401)
  })

  test('a new call ends no earlier token or link', async () => {
    const account = await service.account()
    const first = await give(account.id)
    await give(account.id)
    assert.equal((await whoami(first.token)).status, 200)
    assert.equal((await signIn(first.key)).status, 200)
  })

  test('an Idempotency-Key keeps no answer: it would hold a token', async () => {
    const account = await service.account()
    const options = { headers: { 'idempotency-key': 'same' } }
    const path = `/api/v1/auth/app-portal-access/${account.id}`
    const [first, second] = [
      await service.call('POST', path, {}, options),
      await service.call('POST', path, {}, options),
    ]
    assert.equal(second.headers.get('x-idempotent-replay'), null)
    assert.notEqual(first.body.token, second.body.token)
  })

  test('dashboard-access is the same, without fields', async () => {
    const { id } = await service.account()
    const answer = await service.call('POST', `/api/v1/auth/dashboard-access/${id}`, { readOnly: true })
    assert.equal(answer.status, 200)
    assert.equal(answer.headers.get('x-ignored-fields'), 'readOnly')
    assert.match(answer.body.url, KEY)
    assert.equal((await whoami(answer.body.token)).body.appId, id)
    const unknown = await service.call('POST', '/api/v1/auth/dashboard-access/new', {
      application: { name: 'New', uid: 'new' },
    })
    assert.equal(unknown.status, 404)
  })
})

describe('an application on the fly (webhook-api 9.1)', () => {
  const path = '/api/v1/auth/app-portal-access'

  test('is made when the path names none; 20 calls at once make one', async () => {
    const application = { name: 'Contoso', uid: 'contoso', rateLimit: 7, metadata: { a: 'b' } }
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => service.call('POST', `${path}/contoso`, { application })),
    )
    for (const { status } of answers) assert.equal(status, 200)
    const made = await service.ok('GET', '/api/v1/app/contoso')
    assert.equal(made.throttleRate, 7)
    const seen = await Promise.all(answers.map(async ({ body }) => (await whoami(body.token)).body.appId))
    assert.deepEqual(new Set(seen), new Set([made.id]))
  })

  test('is ignored when the path names one, whatever it says', async () => {
    const account = await service.account()
    const answer = await service.call('POST', `${path}/${account.id}`, { application: { uid: 'other', name: 5 } })
    assert.equal(answer.status, 200)
    assert.equal(answer.headers.get('x-ignored-fields'), null)
    assert.equal((await service.ok('GET', `/api/v1/app/${account.id}`)).name, 'Test')
  })

  test.each([
    [{ name: 'x' }, 'uid', 'application_uid_missing'],
    [{ name: 'x', uid: 'another' }, 'uid', 'application_uid_mismatch'],
    [{ uid: 'fresh' }, 'name', 'value_error.missing'],
    [{ name: 'x', uid: 'fresh', metadata: { constructor: 'x' } }, 'metadata', 'value_error'],
    [{ name: 'x', uid: 'fresh', rateLimit: 1, throttleRate: 2 }, 'rateLimit', 'value_error'],
    ['x', undefined, 'type_error'],
  ])('%j is 422 and makes nothing', async (application, field, type) => {
    const answer = await service.call('POST', `${path}/fresh`, { application })
    assert.equal(answer.status, 422)
    const [fault] = answer.body.detail
    assert.deepEqual([fault.loc, fault.type], [['body', 'application', ...(field ? [field] : [])], type])
    assert.equal((await service.call('GET', '/api/v1/app/fresh')).status, 404)
  })

  test('a refused call makes none; without one, and for an id, an unknown path is 404', async () => {
    const application = { name: 'x', uid: 'refused' }
    assert.equal((await service.call('POST', `${path}/refused`, { application, expiry: 1 })).status, 422)
    assert.equal((await service.call('GET', '/api/v1/app/refused')).status, 404)
    assert.equal((await service.call('POST', `${path}/refused`, { expiry: 1 })).status, 404)
    const id = `app_${'0'.repeat(27)}`
    assert.equal((await service.call('POST', `${path}/${id}`, { application: { name: 'x', uid: id } })).status, 404)
  })

  test('a message makes its application too, in one commit; with the same key again there is one message', async () => {
    const message = { eventType: 'test.happened', payload: { n: 1 }, eventId: 'first' }
    const application = { name: 'By message', uid: 'by-message' }
    const path = '/api/v1/app/by-message/msg'
    const options = { headers: { 'idempotency-key': 'by-message' } }
    const sent = Array.from({ length: 10 }, () => service.call('POST', path, { ...message, application }, options))
    const answers = await Promise.all(sent)
    for (const answer of answers) assert.equal(answer.status, 202, answer.text)
    assert.equal(new Set(answers.map(({ body }) => body.id)).size, 1)
    assert.equal(answers[0]?.body.eventId, 'first')
    assert.deepEqual(answers[0]?.body.payload, { n: 1 })
    assert.equal(answers.filter(({ headers }) => headers.get('x-idempotent-replay') === 'true').length, 9)
    const { data } = await service.ok('GET', path)
    assert.deepEqual(
      data.map((row: { id: string }) => row.id),
      [answers[0]?.body.id],
    )
    const again = await service.call('POST', path, { ...message, application })
    assert.deepEqual([again.status, again.body.msgId], [409, answers[0]?.body.id])
  })

  test('a message that is refused makes no application', async () => {
    const application = { name: 'x', uid: 'never' }
    const path = '/api/v1/app/never/msg'
    for (const [message, status] of [
      [{ eventType: 'bad type', payload: {} }, 422],
      [{ eventType: 'test.happened' }, 422],
      [{ eventType: 'test.happened', payload: { long: Array.from({ length: 5 }, () => 'x'.repeat(60_000)) } }, 413],
    ] as const) {
      assert.equal((await service.call('POST', path, { ...message, application })).status, status)
    }
    assert.equal((await service.call('POST', path, { eventType: 'test.happened', payload: {} })).status, 404)
    assert.equal((await service.call('GET', '/api/v1/app/never')).status, 404)
  })

  test('a key that was used for an application that is gone is not used again', async () => {
    const body = { eventType: 'a', payload: {}, application: { name: 'x', uid: 'gone' } }
    const options = { headers: { 'idempotency-key': 'gone' } }
    await service.ok('POST', '/api/v1/app/gone/msg', body, options)
    await service.ok('DELETE', '/api/v1/app/gone')
    service.clock.advanceMs(2_000)
    const again = await service.call('POST', '/api/v1/app/gone/msg', body, options)
    assert.deepEqual([again.status, again.body.code], [409, 'idempotency_key_reuse'])
    assert.equal((await service.call('GET', '/api/v1/app/gone')).status, 404)
  })
})

describe('21: ends', () => {
  test('logout ends the calling app token and no other; other tokens cannot', async () => {
    const account = await service.account()
    const [one, other] = [await give(account.id), await give(account.id)]
    assert.equal((await whoami(one.token, beside)).status, 200)
    const answer = await service.call('POST', '/api/v1/auth/logout', undefined, { token: one.token })
    assert.deepEqual([answer.status, answer.text], [204, ''])
    assert.ok(await hasEnded(one.token))
    assert.equal((await whoami(other.token)).status, 200)
    for (const token of [account.key, await service.token(account)]) {
      const refused = await service.call('POST', '/api/v1/auth/logout', {}, { token })
      assert.deepEqual([refused.status, refused.body.code], [403, 'insufficient access'])
      assert.equal((await whoami(token)).status, 200)
    }
  })

  test('expire-all ends tokens, links and sessions of the application, and nothing of another or of its clients', async () => {
    const [account, other] = [await service.account(), await service.account()]
    const mine = await give(account.id, { sessionId: 'a' })
    const unspent = await give(account.id)
    const spent = await signIn(unspent.key, { embed: true })
    const theirs = await give(other.id)
    const client = await service.token(account)
    assert.equal((await whoami(mine.token, beside)).status, 200)
    const answer = await service.call('POST', `/api/v1/auth/app/${account.id}/expire-all`, {})
    assert.deepEqual([answer.status, answer.text], [204, ''])
    for (const token of [mine.token, unspent.token, spent.body.token]) assert.ok(await hasEnded(token))
    assert.equal((await signIn(mine.key)).status, 401)
    assert.equal((await whoami(theirs.token)).status, 200)
    assert.equal((await whoami(client)).status, 200)
    assert.equal((await signIn(theirs.key)).status, 200)
  })

  test('with session ids only what carries one of them ends', async () => {
    const account = await service.account()
    const [a, b, none] = [
      await give(account.id, { sessionId: 'a' }),
      await give(account.id, { sessionId: 'b' }),
      await give(account.id),
    ]
    const spent = await signIn((await give(account.id, { sessionId: 'a' })).key, { embed: true })
    assert.equal((await whoami(a.token)).body.sessionId, 'a')
    assert.equal((await whoami(spent.body.token)).body.sessionId, 'a')
    await service.ok('POST', `/api/v1/auth/app/${account.id}/expire-all`, { sessionIds: ['a', 'c'] })
    assert.ok(await hasEnded(a.token))
    assert.ok(await hasEnded(spent.body.token))
    assert.equal((await signIn(a.key)).status, 401)
    assert.equal((await whoami(b.token)).status, 200)
    assert.equal((await whoami(none.token)).status, 200)
    await service.ok('POST', `/api/v1/auth/app/${account.id}/expire-all`, { sessionIds: [] })
    assert.ok(await hasEnded(none.token))
  })

  test('with grace they end then, sessions made meanwhile too; it never lengthens a life', async () => {
    const account = await service.account()
    const { token, key } = await give(account.id)
    const short = await give(account.id, { expiry: 3_600 })
    await service.ok('POST', `/api/v1/auth/app/${account.id}/expire-all`, { expiry: 7_200 })
    service.clock.advanceMs(3_599_000)
    const session = await signIn(key, { embed: true })
    assert.equal(session.status, 200)
    assert.equal(Date.parse(session.body.endsAt) - service.clock.now().getTime(), 3_601_000)
    assert.equal((await whoami(short.token)).status, 200)
    service.clock.advanceMs(1_000)
    assert.equal((await whoami(short.token)).status, 401)
    assert.equal((await whoami(token)).status, 200)
    service.clock.advanceMs(3_600_000)
    assert.equal((await whoami(token)).status, 401)
  })

  test('app tokens, links and sessions end with their application', async () => {
    const account = await service.account()
    const { token, key } = await give(account.id)
    const session = await signIn((await give(account.id)).key, { embed: true })
    assert.equal((await whoami(session.body.token)).status, 200)
    await service.ok('DELETE', `/api/v1/app/${account.id}`)
    assert.ok(await hasEnded(token))
    assert.ok(await hasEnded(session.body.token))
    assert.equal((await signIn(key)).status, 401)
  })

  test.each([{ expiry: -1 }, { expiry: 259_201 }, { sessionIds: ['a b'] }, { sessionIds: Array(1_001).fill('a') }])(
    'expire-all refuses %j',
    async (body) => {
      const { id } = await service.account()
      assert.equal((await service.call('POST', `/api/v1/auth/app/${id}/expire-all`, body)).status, 422)
    },
  )
})

describe('whoami', () => {
  test('says what each kind of token is', async () => {
    const account = await service.account('sandbox')
    const key = (await whoami(account.key)).body
    assert.match(key.envId, /^org_[A-Za-z0-9]{27}$/)
    const nobody = { envId: key.envId, sessionId: null, person: null, role: null, version: VERSION }
    assert.deepEqual(key, { ...nobody, appId: null, permissionSource: 'RegionalAuthToken', expiresAt: null })
    const client = (await whoami(await service.token(account))).body
    const expiresAt = addMs(service.clock.now(), 3_600_000).toISOString()
    assert.deepEqual(client, { ...nobody, appId: account.id, permissionSource: 'OidcJwt', expiresAt })
    assert.notEqual((await whoami(service.keys.production)).body.envId, key.envId)
  })
})

describe('22: event types with feature flags', () => {
  test('are hidden from app tokens without one of them, in lists, GET and subscription', async () => {
    const account = await service.account()
    const flagged = { description: 'x', featureFlags: ['beta', 'alpha'], groupName: 'secret.group' }
    await service.ok('POST', '/api/v1/event-type', { name: 'secret.happened', ...flagged })
    await service.ok('POST', '/api/v1/event-type', { name: 'plain.happened', description: 'x' })
    const tokens = {
      key: account.key,
      with: (await give(account.id, { featureFlags: ['beta'] })).token,
      without: (await give(account.id, { featureFlags: ['gamma'] })).token,
      none: (await give(account.id)).token,
      client: await service.token(account),
      session: (await signIn((await give(account.id, { featureFlags: ['beta'] })).key, { embed: true })).body.token,
    }
    for (const [name, token] of Object.entries(tokens)) {
      const isSeen = ['key', 'with', 'session'].includes(name)
      const { data } = await service.ok('GET', '/api/v1/event-type?limit=250', undefined, { token })
      const names = data.map((type: { name: string }) => type.name)
      assert.equal(names.includes('secret.happened'), isSeen, name)
      assert.ok(names.includes('plain.happened'), name)
      const one = await service.call('GET', '/api/v1/event-type/secret.happened', undefined, { token })
      assert.equal(one.status, isSeen ? 200 : 404, name)
      for (const wanted of ['secret.happened', 'secret.group', 'secret']) {
        const endpoint = { url: 'https://example.com/', eventTypes: [wanted], disabled: true }
        const made = await service.call('POST', `/api/v1/app/${account.id}/endpoint`, endpoint, { token })
        assert.equal(made.status, isSeen ? 201 : 422, `${name} ${wanted}`)
        if (!isSeen) assert.match(made.body.detail[0].msg, /does not exist/)
      }
      const unknown = { url: 'https://example.com/', eventTypes: ['no.such'] }
      const refused = await service.call('POST', `/api/v1/app/${account.id}/endpoint`, unknown, { token })
      assert.deepEqual(refused.body.detail[0].msg, 'does not exist: no.such')
    }
  })

  test('delivery does not ask: an endpoint keeps a type that is hidden from its token', async () => {
    const account = await service.account()
    await service.ok('POST', '/api/v1/event-type', { name: 'kept.happened', description: 'x', featureFlags: ['beta'] })
    const body = { url: 'https://example.com/', eventTypes: ['kept.happened'], disabled: true }
    const { id } = await service.ok('POST', `/api/v1/app/${account.id}/endpoint`, body)
    const { token } = await give(account.id)
    const path = `/api/v1/app/${account.id}/endpoint/${id}`
    const kept = await service.call('PATCH', path, { eventTypes: ['kept.happened'], description: 'y' }, { token })
    assert.deepEqual([kept.status, kept.body.eventTypes], [200, ['kept.happened']])
  })
})
