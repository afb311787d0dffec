import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { StaffRole } from '#src/accounts/principal.ts'
import { visibleTo } from '#src/accounts/principal.ts'
import { IdSource } from '#src/adapters/ids.ts'
import { createStaffLink } from '#src/portal/link-store.ts'
import { type Receiver, startReceiver } from '../receiver.ts'
import { type Answer, type TestAccount, TestService } from '../service.ts'

let receiver: Receiver
let service: TestService
let account: TestAccount
let app: string
beforeAll(async () => {
  receiver = await startReceiver()
  service = await TestService.start({ receivers: [receiver] })
  account = await service.account('sandbox')
  app = `/api/v1/app/${account.id}`
})
afterAll(async () => {
  await service.close()
  await receiver.close()
})

const SAME_ORIGIN = { 'sec-fetch-site': 'same-origin', authorization: '' }

async function byKey(method: string, path: string, body?: unknown): Promise<Answer> {
  return await service.call(method, path, body, { token: account.key })
}

/** Calls the session as the portal's own page does. */
async function portal(method: string, path: string, body: unknown, cookie?: string): Promise<Answer> {
  const headers = cookie === undefined ? SAME_ORIGIN : { ...SAME_ORIGIN, cookie }
  return await service.call(method, `/portal/session${path}`, body, { headers })
}

async function signIn(key: string, former?: string): Promise<{ cookie: string; session: Answer['body'] }> {
  const answer = await portal('POST', '', { key }, former)
  assert.equal(answer.status, 200, answer.text)
  return { cookie: answer.headers.get('set-cookie')?.split(';')[0] ?? '', session: answer.body }
}

async function tokenOf(cookie: string, of?: string): Promise<string> {
  const answer = await portal('POST', '/token', of === undefined ? {} : { account: of }, cookie)
  assert.equal(answer.status, 200, answer.text)
  return answer.body.token
}

/** A member of the account, signed in. */
async function member(person: string, role: string): Promise<{ id: string; cookie: string; token: string }> {
  const { body } = await byKey('POST', `${app}/member`, { person, role })
  const link = await byKey('POST', `${app}/login-link`, { memberId: body.id })
  const { cookie } = await signIn(link.body.url.split('#key=')[1])
  return { id: body.id, cookie, token: await tokenOf(cookie) }
}

/** Somebody of the staff, signed in. */
async function staff(
  role: StaffRole,
  person: string,
): Promise<{ cookie: string; token: string; session: Answer['body'] }> {
  const api = service.database.open('api')
  const parts = { clock: service.clock, ids: new IdSource(service.clock) }
  const expiresAt = new Date(service.clock.now().getTime() + 3_600_000)
  const { key } = await api.transaction({ settings: visibleTo('sandbox') }, (tx) =>
    createStaffLink(tx, parts, 'sandbox', { person, role, expiresAt }),
  )
  const { cookie, session } = await signIn(key)
  return { cookie, session, token: await tokenOf(cookie) }
}

describe('S16: members', () => {
  test('roles are what portal 2 says, and a change of role works on the next request', async () => {
    const ada = await member('Ada', 'admin')
    const grace = await member('Grace', 'viewer')
    const create = async () =>
      await service.call('POST', `${app}/endpoint`, { url: receiver.url }, { token: grace.token })
    const read = async () => await service.call('GET', `${app}/endpoint`, undefined, { token: grace.token })
    assert.deepEqual([(await read()).status, (await create()).status], [200, 403])
    const patch = async (role: string) =>
      await service.call('PATCH', `${app}/member/${grace.id}`, { role }, { token: ada.token })
    assert.equal((await patch('developer')).status, 200)
    assert.equal((await create()).status, 201)
    assert.equal((await service.call('PATCH', '/v1/accounts/settings', {}, { token: grace.token })).status, 200)
    const { body: session } = await portal('GET', '', undefined, grace.cookie)
    assert.equal(session.grants[0].role, 'developer')
    assert.equal((await patch('viewer')).status, 200)
    assert.equal((await create()).status, 403)
    const { data } = (await service.call('GET', `${app}/audit?who=Ada`, undefined, { token: ada.token })).body
    assert.deepEqual(
      data.slice(0, 2).map((line: { changes: object[] }) => line.changes),
      [
        [{ field: 'role', before: 'developer', after: 'viewer', withheld: false }],
        [{ field: 'role', before: 'viewer', after: 'developer', withheld: false }],
      ],
    )
    assert.deepEqual([data[0].who.kind, data[0].who.role], ['person', 'admin'])
    assert.equal(
      (await service.call('DELETE', `${app}/member/${grace.id}`, undefined, { token: ada.token })).status,
      204,
    )
    assert.equal((await read()).status, 401)
    assert.equal((await portal('GET', '', undefined, grace.cookie)).status, 401)
  })

  test('the last admin stays, also when two remove each other at the same moment', async () => {
    const list = (await byKey('GET', `${app}/member`)).body.data
    const ada = list.find(({ person }: { person: string }) => person === 'Ada')
    assert.equal((await byKey('PATCH', `${app}/member/${ada.id}`, { role: 'viewer' })).status, 409)
    assert.equal((await byKey('DELETE', `${app}/member/${ada.id}`)).status, 409)
    const { body: eve } = await byKey('POST', `${app}/member`, { person: 'Eve', role: 'admin' })
    const answers = await Promise.all([
      byKey('DELETE', `${app}/member/${ada.id}`),
      byKey('PATCH', `${app}/member/${eve.id}`, { role: 'viewer' }),
    ])
    assert.deepEqual(
      answers
        .map(({ status }) => status)
        .sort()
        .at(-1),
      409,
    )
    const admins = (await byKey('GET', `${app}/member`)).body.data.filter(
      ({ role }: { role: string }) => role === 'admin',
    )
    assert.equal(admins.length, 1)
    assert.equal((await byKey('POST', `${app}/member`, { person: 'Eve', role: 'viewer' })).status, 409)
  })

  test('a link of the admin works for 24 h, once, and is kept by no Idempotency-Key', async () => {
    const { body: linus } = await byKey('POST', `${app}/member`, { person: 'Linus', role: 'viewer' })
    const headers = { 'idempotency-key': 'link' }
    const ask = async () =>
      await service.ok('POST', `${app}/login-link`, { memberId: linus.id }, { token: account.key, headers })
    const [first, second] = [await ask(), await ask()]
    assert.notEqual(first.url, second.url)
    assert.equal(Date.parse(second.expiresAt) - service.clock.now().getTime(), 24 * 3_600_000)
    assert.equal((await portal('POST', '', { key: first.url.split('#key=')[1] })).status, 401)
    const { body: found } = await byKey('GET', `${app}/member/${linus.id}`)
    assert.equal(found.invitedUntil, second.expiresAt)
    await signIn(second.url.split('#key=')[1])
    const { body: after } = await byKey('GET', `${app}/member/${linus.id}`)
    assert.deepEqual([after.invitedUntil, after.lastSignInAt], [null, service.clock.now().toISOString()])
  })

  test('S0.7: a session holds several accounts, each with its own token and rights', async () => {
    const other = await service.account('sandbox')
    const invite = async (of: TestAccount, role: string) => {
      const body = { account: of.id, person: 'Alan', role }
      return (await byKey('POST', '/api/v1/env/login-link', body)).body.url.split('#key=')[1]
    }
    const { cookie: first } = await signIn(await invite(account, 'viewer'))
    const { cookie, session } = await signIn(await invite(other, 'developer'), first)
    assert.deepEqual(
      session.grants.map((grant: { account: { id: string }; role: string }) => [grant.account.id, grant.role]).sort(),
      [
        [account.id, 'viewer'],
        [other.id, 'developer'],
      ].sort(),
    )
    assert.equal((await portal('GET', '', undefined, first)).status, 401)
    const [one, two] = [await tokenOf(cookie, account.id), await tokenOf(cookie, other.id)]
    const of = async (token: string, id: string) =>
      (await service.call('GET', `/api/v1/app/${id}`, undefined, { token })).status
    assert.deepEqual(
      [await of(one, account.id), await of(one, other.id), await of(two, other.id), await of(two, account.id)],
      [200, 404, 200, 404],
    )
    assert.equal(
      (await portal('POST', '/token', { account: (await service.account('sandbox')).id }, cookie)).status,
      404,
    )
    await portal('DELETE', '', {}, cookie)
    assert.deepEqual([await of(one, account.id), await of(two, other.id)], [401, 401])
  })
})

describe('S14: keys of programs', () => {
  test('an API key is shown once, has its role, says when it was used, and ends at once when revoked', async () => {
    const { body } = await byKey('POST', `${app}/key`, {
      kind: 'apiKey',
      name: 'CI',
      role: 'viewer',
      expiresInDays: 30,
    })
    assert.match(body.secret, /^appsk_/)
    const token = { token: body.secret }
    assert.equal((await service.call('GET', `${app}/endpoint`, undefined, token)).status, 200)
    assert.equal((await service.call('POST', `${app}/endpoint`, { url: receiver.url }, token)).status, 403)
    await expect
      .poll(async () => (await byKey('GET', `${app}/key/${body.key.id}`)).body.lastUsedAt)
      .toBe(service.clock.now().toISOString())
    const list = await byKey('GET', `${app}/key`)
    assert.ok(!list.text.includes(body.secret))
    await byKey('POST', `/api/v1/auth/app/${account.id}/expire-all`, {})
    service.clock.advanceMs(2_000)
    assert.equal((await service.call('GET', `${app}/endpoint`, undefined, token)).status, 200) // no app token of the operator's
    assert.equal((await byKey('DELETE', `${app}/key/${body.key.id}`)).status, 204)
    service.clock.advanceMs(5_000)
    assert.equal((await service.call('GET', `${app}/endpoint`, undefined, token)).status, 401)
    assert.equal((await byKey('DELETE', `${app}/key/${body.key.id}`)).status, 404)
  })

  test('an OAuth client of an account never operates the environment; its secrets rotate', async () => {
    const operate = await byKey('POST', `${app}/key`, { kind: 'client', name: 'x', scopes: ['producersync.operate'] })
    assert.equal(operate.status, 422)
    for (const body of [
      { kind: 'client', name: 'x', role: 'viewer' },
      { kind: 'client', name: 'x', expiresInDays: 1 },
      { kind: 'apiKey', name: 'x', scopes: ['webhooks'] },
      { kind: 'apiKey', name: 'x', expiresInDays: 0 },
    ]) {
      assert.equal((await byKey('POST', `${app}/key`, body)).status, 422, JSON.stringify(body))
    }
    const { body: made } = await byKey('POST', `${app}/key`, { kind: 'client', name: 'CRM' })
    const { body: rotated } = await byKey('POST', `${app}/key/${made.key.id}/rotate`, {})
    const grant = async (secret: string) => {
      const form = { grant_type: 'client_credentials', client_id: made.key.id, client_secret: secret }
      return (await fetch(`${service.url}/oauth2/token`, { method: 'POST', body: new URLSearchParams(form) })).status
    }
    assert.deepEqual([await grant(made.secret), await grant(rotated.secret)], [200, 200])
    assert.equal((await byKey('POST', `${app}/key/${made.key.id}/rotate`, {})).status, 409)
    const [{ id: oldest }] = made.key.secrets
    assert.equal((await byKey('DELETE', `${app}/key/${made.key.id}/secret/${oldest}`)).status, 204)
    assert.deepEqual([await grant(made.secret), await grant(rotated.secret)], [401, 200])
    const { body: key } = await byKey('GET', `${app}/key/${made.key.id}`)
    assert.equal(key.lastUsedAt, service.clock.now().toISOString())
  })
})

describe('S11: signing secrets', () => {
  test('are listed by fingerprint, overlap as asked, and a former one ends now', async () => {
    const { body: endpoint } = await byKey('POST', `${app}/endpoint`, { url: receiver.url })
    const path = `${app}/endpoint/${endpoint.id}/secret`
    const { key } = (await byKey('GET', path)).body
    await byKey('POST', `${path}/rotate`, { gracePeriodSeconds: 3_600 })
    const list = await byKey('GET', `${path}/list`)
    const [current, former] = list.body.data
    assert.ok(!list.text.includes(key.slice(6)))
    assert.deepEqual([current.current, current.expiresAt, former.current], [true, null, false])
    assert.equal(Date.parse(former.expiresAt) - service.clock.now().getTime(), 3_600_000)
    assert.notEqual(current.fingerprint, former.fingerprint)
    assert.equal((await byKey('DELETE', `${path}/${current.id}`)).status, 409)
    assert.equal((await byKey('DELETE', `${path}/${former.id}`)).status, 204)
    assert.equal((await byKey('GET', `${path}/list`)).body.data.length, 1)
    await byKey('POST', `${path}/rotate`, {
      key: `whsk_${Buffer.alloc(32, 7).toString('base64')}`,
      gracePeriodSeconds: 0,
    })
    const [own, ...others] = (await byKey('GET', `${path}/list`)).body.data
    assert.deepEqual([own.kind, others.length], ['ed25519', 0])
    assert.equal(own.publicKey, (await byKey('GET', path)).body.key)
  })
})

describe('11: settings of the portal', () => {
  test('zone and look are kept, and come with the session', async () => {
    const patch = { timeZone: 'America/Chicago', name: 'Northwind', accent: '#0B625C', radius: 4 }
    const { body } = await byKey('PATCH', `${app}/settings`, patch)
    const branding = { name: 'Northwind', accent: '#0b625c', radius: 4, hasLogo: false }
    assert.deepEqual([body.timeZone, body.branding], ['America/Chicago', branding])
    const { cookie } = await member('Barbara', 'viewer')
    const { body: session } = await portal('GET', '', undefined, cookie)
    const { look } = session.grants[0]
    assert.deepEqual(
      [session.grants[0].timeZone, look.name, look.radius, look.hasLogo],
      ['America/Chicago', 'Northwind', 4, false],
    )
    assert.deepEqual([look, look.colours.light.accent], [body.look, '#0b625c'])
    for (const wrong of [
      { timeZone: 'Mars/Base' },
      { accent: 'red' },
      { accent: '#12345' },
      { radius: 99 },
      { name: '' },
    ]) {
      assert.equal((await byKey('PATCH', `${app}/settings`, wrong)).status, 422, JSON.stringify(wrong))
    }
    assert.equal((await byKey('PATCH', `${app}/settings`, { name: null })).body.branding.name, null)
  })

  test('a logo is a PNG or WebP of at most 100,000 bytes, and comes back as it was', async () => {
    const png = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.alloc(100_000 - 8, 7)])
    const data = png.toString('base64')
    const put = async (logo: object) => (await byKey('PUT', `${app}/settings/logo`, logo)).status
    assert.equal(await put({ contentType: 'image/png', data }), 204)
    assert.deepEqual((await byKey('GET', `${app}/settings/logo`)).body, { contentType: 'image/png', data })
    const larger = Buffer.concat([png, Buffer.alloc(1)]).toString('base64')
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>').toString('base64')
    for (const logo of [
      { contentType: 'image/png', data: larger },
      { contentType: 'image/png', data: svg },
      { contentType: 'image/svg+xml', data: svg },
      { contentType: 'image/webp', data },
      { contentType: 'image/png', data: '%%%%' },
    ]) {
      assert.equal(await put(logo), 422)
    }
    assert.equal((await byKey('DELETE', `${app}/settings/logo`)).status, 204)
    assert.equal((await byKey('GET', `${app}/settings/logo`)).status, 404)
  })
})

describe('the look that the operator sets', () => {
  const png = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.alloc(8, 1)]).toString('base64')

  test('holds for accounts that set nothing themselves, by its part, and comes with the session', async () => {
    await byKey('PATCH', `${app}/settings`, { name: null, accent: null, radius: 2 })
    const set = await byKey('PATCH', '/api/v1/env/look', { name: 'Contoso Portal', accent: '#FFD400', radius: 12 })
    assert.deepEqual(set.body.branding, { name: 'Contoso Portal', accent: '#ffd400', radius: 12, hasLogo: false })
    assert.equal((await byKey('PUT', '/api/v1/env/look/logo', { contentType: 'image/png', data: png })).status, 204)
    const { body } = await byKey('GET', `${app}/settings`)
    assert.deepEqual(body.branding, { name: null, accent: null, radius: 2, hasLogo: false })
    assert.deepEqual([body.look.name, body.look.radius, body.look.hasLogo], ['Contoso Portal', 2, true])
    // a yellow that nobody could read on white is darkened, and stays in the dark theme
    assert.deepEqual([body.look.colours.light.accent, body.look.colours.dark.accent], ['#7d6700', '#ffd400'])
    assert.equal((await byKey('GET', `${app}/settings/logo`)).body.data, png)
    const { cookie } = await member('Emmy', 'viewer')
    assert.deepEqual((await portal('GET', '', undefined, cookie)).body.grants[0].look, body.look)
  })

  test('is refused where it could be anything but a colour, a number, a name or an image', async () => {
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>').toString('base64')
    for (const wrong of [
      { accent: '#fff;background:url(//evil.example)' },
      { accent: 'red' },
      { accent: '#12345g' },
      { radius: '4px' },
      { radius: -1 },
      { name: 'a\u0000b' },
      { name: 'x'.repeat(65) },
      { css: 'body{}' },
    ]) {
      const { status } = await byKey('PATCH', '/api/v1/env/look', wrong)
      assert.equal(status, 'css' in wrong ? 200 : 422, JSON.stringify(wrong)) // what is not known is left out, and said to be
    }
    assert.equal((await byKey('PUT', '/api/v1/env/look/logo', { contentType: 'image/png', data: svg })).status, 422)
    assert.equal((await byKey('GET', '/api/v1/env/look')).body.branding.accent, '#ffd400')
  })

  test('is taken back', async () => {
    await byKey('PATCH', '/api/v1/env/look', { name: null, accent: null, radius: null })
    assert.equal((await byKey('DELETE', '/api/v1/env/look/logo')).status, 204)
    assert.equal((await byKey('GET', '/api/v1/env/look/logo')).status, 404)
    assert.equal((await byKey('GET', `${app}/settings`)).body.look.colours, null)
  })
})

describe('the operator’s staff', () => {
  test('the session says what they are; support reads all accounts and makes login links, and no more', async () => {
    const { token, session } = await staff('support', 'Hedy')
    assert.deepEqual([session.staff, session.grants, session.person], ['support', [], 'Hedy'])
    const as = async (method: string, path: string, body?: unknown) =>
      (await service.call(method, path, body, { token })).status
    const endpoint = (await byKey('GET', `${app}/endpoint`)).body.data[0].id
    for (const path of [app, `${app}/endpoint`, '/api/v1/env/account', '/api/v1/env/health', '/v1/admin/runs']) {
      assert.equal(await as('GET', path), 200, path)
    }
    for (const [method, path] of [
      ['GET', `${app}/endpoint/${endpoint}/secret`],
      ['POST', `${app}/endpoint`],
      ['PATCH', app],
      ['GET', '/api/v1/app'],
      ['POST', '/v1/admin/runs'],
      ['POST', `${app}/member`],
    ] as const) {
      assert.equal(await as(method, path, method === 'GET' ? undefined : {}), 403, `${method} ${path}`)
    }
    const body = { account: account.id, person: 'Radia', role: 'viewer' }
    assert.equal(await as('POST', '/api/v1/env/login-link', body), 201)
    const [line] = (await byKey('GET', `${app}/audit`)).body.data
    assert.deepEqual(
      [line.operation, line.who.kind, line.who.name, line.who.role],
      ['v1.env.login-link.create', 'staff', 'Hedy', 'support'],
    )
    assert.equal(await as('GET', `/api/v1/app/${(await service.account('production')).id}`), 404)
  })

  test('a write inside an account asks for a reason, which stands in that account’s activity', async () => {
    const { token, cookie } = await staff('operator', 'Margaret')
    const write = async (headers: Record<string, string>) =>
      await service.call('PATCH', app, { name: 'Helped' }, { token, headers })
    const refused = await write({})
    assert.deepEqual([refused.status, refused.body.detail[0].loc], [422, ['header', 'x-staff-reason']])
    assert.equal((await write({ 'x-staff-reason': '   ' })).status, 422)
    assert.equal((await write({ 'x-staff-reason': encodeURIComponent('Ticket 7: Prüfung') })).status, 200)
    const [line] = (await byKey('GET', `${app}/audit`)).body.data
    assert.deepEqual([line.reason, line.who.kind, line.who.name], ['Ticket 7: Prüfung', 'staff', 'Margaret'])
    const search = await service.call('POST', `${app}/msg/search`, {}, { token })
    assert.equal(search.status, 200) // reads
    const run = await service.call('POST', '/v1/admin/runs', { feedId: account.id }, { token })
    assert.equal(run.status, 202, run.text)
    const [started] = (await byKey('GET', `${app}/audit`)).body.data
    assert.deepEqual([started.operation, started.target.id], ['v1.admin-runs.start', run.body.run_id])
    await portal('DELETE', '', {}, cookie)
    assert.equal((await service.call('GET', app, undefined, { token })).status, 401)
  })

  test('S0: a start prints two links that work once: an admin’s of the oldest sandbox account, and one for staff', async () => {
    const links = await service.app.startLinks()
    assert.ok(links)
    const keyOf = (url: string) => url.split('#key=')[1] ?? ''
    const { session } = await signIn(keyOf(links.accountUrl))
    assert.deepEqual([session.grants[0].account.id, session.grants[0].role], [links.account.id, 'admin'])
    const { session: ofStaff } = await signIn(keyOf(links.staffUrl))
    assert.deepEqual([ofStaff.staff, ofStaff.environment], ['operator', 'sandbox'])
    for (const url of [links.accountUrl, links.staffUrl]) {
      assert.equal((await portal('POST', '', { key: keyOf(url) })).status, 401)
      assert.ok(service.logLines.every((line) => !line.includes(keyOf(url))))
    }
    const lines = (await byKey('GET', '/api/v1/env/audit?operation=admin.start')).body.data
    assert.deepEqual(
      lines.map(({ who }: { who: { kind: string } }) => who.kind),
      ['service', 'service'],
    )
  })

  test('O1: accounts are found by name, uid, id and health', async () => {
    await service.ok('POST', '/api/v1/app', { name: 'Contoso Insurance', uid: 'contoso' }, { token: account.key })
    const find = async (query: string) =>
      (await byKey('GET', `/api/v1/env/account?${query}`)).body.data.map(({ name }: { name: string }) => name)
    for (const q of ['q=contoso', 'q=INSUR', 'q=conto']) assert.deepEqual(await find(q), ['Contoso Insurance'], q)
    assert.deepEqual(await find('q=%25'), [])
    assert.deepEqual(await find('q=contoso&health=none'), ['Contoso Insurance'])
    assert.deepEqual(await find('q=contoso&health=failing'), [])
    const [own] = (await byKey('GET', `/api/v1/env/account?q=${account.id}`)).body.data
    assert.equal(own.producers, 2)
    assert.ok(own.endpoints.total > 0)
    assert.equal((await byKey('GET', '/api/v1/env/account?health=well')).status, 422)
  })

  test('O3: links are listed by what has become of them, and revoked with their session', async () => {
    const body = { account: account.id, person: 'Katherine', role: 'viewer', hours: 1 }
    const { body: link } = await byKey('POST', '/api/v1/env/login-link', body)
    const stateOf = async () => {
      const { data } = (await byKey('GET', `/api/v1/env/login-link?account=${account.id}&limit=250`)).body
      return data.find(({ id }: { id: string }) => id === link.id).state
    }
    assert.equal(await stateOf(), 'unused')
    const { cookie } = await signIn(link.url.split('#key=')[1])
    assert.equal(await stateOf(), 'used')
    assert.equal((await byKey('DELETE', `/api/v1/env/login-link/${link.id}`)).status, 204)
    assert.equal(await stateOf(), 'revoked')
    assert.equal((await portal('GET', '', undefined, cookie)).status, 401)
    const { body: late } = await byKey('POST', '/api/v1/env/login-link', { ...body, person: 'Mary' })
    service.clock.advanceMs(3_600_000)
    const expired = (await byKey('GET', '/api/v1/env/login-link?state=expired')).body.data
    assert.ok(expired.some(({ id }: { id: string }) => id === late.id))
    assert.equal((await byKey('POST', '/api/v1/env/login-link', { ...body, account: 'nobody' })).status, 404)
    const mailed = await byKey('POST', '/api/v1/env/login-link', { ...body, person: 'ada@example.com', mail: true })
    assert.deepEqual([mailed.status, mailed.body.detail[0].loc], [422, ['body', 'mail']]) // there is no mail server
  })

  test('O5: health tells of workers, lanes, jobs and the database; a worker whose lease has ended is dead', async () => {
    const health = async () => (await byKey('GET', '/api/v1/env/health')).body
    const well = await health()
    assert.deepEqual([well.status, well.problems], ['ok', []])
    assert.deepEqual([well.workers.length, well.workers[0].shards, well.shards.owned], [1, 256, 256])
    assert.deepEqual(
      well.lanes.map(({ lane }: { lane: string }) => lane),
      ['first', 'retry', 'replay'],
    )
    assert.deepEqual([well.migrations.missing, well.breakers.openHere], [[], 0])
    receiver.answer(200)
    const endpoint = await service.endpoint(account, receiver, { description: 'Order system' })
    await service.message(account)
    await service.settled()
    const { name } = (await byKey('GET', app)).body
    const { slowestEndpoints } = await health()
    const slow = slowestEndpoints.find(({ endpointId }: { endpointId: string }) => endpointId === endpoint.id)
    const { accountId, accountName, url, description } = slow
    assert.deepEqual([accountId, accountName, url, description], [account.id, name, endpoint.url, 'Order system'])
    const owner = service.database.open('migrate')
    const id = '00000000-0000-4000-8000-000000000000'
    await owner.query`insert into worker (id, lease_until, started_at) values (${id}, clock_timestamp(), ${service.clock.now()})`
    const ill = await health()
    const dead = ill.workers.find((worker: { id: string }) => worker.id === id)
    assert.deepEqual([ill.status, dead.state], ['degraded', 'dead'])
    const [problem] = ill.problems
    assert.deepEqual([problem.part, problem.alert], ['workers', 'WorkersMissing'])
    assert.ok(existsSync(new URL(`../../../../${problem.runbook}`, import.meta.url)))
    await owner.query`delete from worker where id = ${id}`
  })
})
