import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { visibleTo } from '#src/accounts/principal.ts'
import { IdSource } from '#src/adapters/ids.ts'
import { createLink, createStaffLink } from '#src/portal/link-store.ts'
import { grantOf, type Role } from '#src/portal/role.ts'
import { type Answer, type TestAccount, TestService } from '../../test/service.ts'

let service: TestService
let account: TestAccount
beforeAll(async () => {
  service = await TestService.start()
  account = await service.account()
})
afterAll(async () => await service.close())

const anonymous = { headers: { authorization: '' } }

async function start(): Promise<Answer['body']> {
  service.clock.advanceMs(60_000) // another minute, another allowance
  const answer = await service.call('POST', '/api/v1/cli-login', { deviceName: 'ada’s laptop' }, anonymous)
  expect(answer.status).toBe(201)
  return answer.body
}

async function poll(deviceCode: string): Promise<Answer> {
  return await service.call('POST', '/api/v1/cli-login/token', { deviceCode }, anonymous)
}

/** A token of somebody who has come in by a link of this role. */
async function personOf(of: TestAccount, role: Role): Promise<string> {
  const parts = { clock: service.clock, ids: new IdSource(service.clock) }
  const { capabilities } = grantOf(role)
  const { key } = await service.database.open('api').transaction({ settings: visibleTo(of.environment, of.id) }, (tx) =>
    createLink(tx, parts, of, {
      person: `${role}@example.com`,
      role,
      rights: { capabilities, featureFlags: [], sessionId: 'desk' },
      expiresAt: new Date('2027-01-01T00:00:00Z'),
      sessionsEndAt: null,
    }),
  )
  const headers = { authorization: '', 'sec-fetch-site': 'same-origin' }
  const { token } = await service.ok('POST', '/portal/session', { key, embed: true }, { headers })
  return token
}

async function decide(userCode: string, approve: boolean, token: string, of = account): Promise<Answer> {
  return await service.call('POST', `/api/v1/app/${of.id}/cli-login`, { userCode, approve }, { token })
}

test('a person approves the code, and the device gets the person’s rights in that account, once', async () => {
  const { deviceCode, userCode, verificationUrl, intervalSeconds } = await start()
  expect([new URL(verificationUrl).searchParams.get('code'), intervalSeconds]).toEqual([userCode, 3])
  expect((await poll(deviceCode)).body).toEqual({ status: 'pending' })
  const token = await personOf(account, 'developer')
  const shown = await service.ok(
    'GET',
    `/api/v1/app/${account.id}/cli-login?userCode=${userCode.toLowerCase()}`,
    undefined,
    {
      token,
    },
  )
  expect(shown).toMatchObject({ userCode, deviceName: 'ada’s laptop', capabilities: grantOf('developer').capabilities })
  expect((await decide(userCode, true, token)).status).toBe(204)
  const answers = await Promise.all(Array.from({ length: 10 }, () => poll(deviceCode)))
  const given = answers.filter(({ status }) => status === 200)
  expect([given.length, answers.filter(({ status }) => status === 404).length]).toEqual([1, 9])
  const { token: ofDevice, account: where, environment } = given[0]?.body ?? {}
  expect([where.id, environment]).toEqual([account.id, 'production'])
  expect((await service.call('GET', `/api/v1/app/${account.id}`, undefined, { token: ofDevice })).status).toBe(200)
  expect((await service.call('GET', '/v1/accounts/settings', undefined, { token: ofDevice })).status).toBe(200)
  expect((await decide(userCode, true, token)).status).toBe(422)
})

test('a viewer can give a viewer’s rights, and no more', async () => {
  const { deviceCode, userCode } = await start()
  await decide(userCode, true, await personOf(account, 'viewer'))
  const { token } = (await poll(deviceCode)).body
  const path = `/api/v1/app/${account.id}`
  expect((await service.call('GET', `${path}/endpoint`, undefined, { token })).status).toBe(200)
  expect((await service.call('POST', `${path}/cli-session`, { device: 'x'.repeat(16) }, { token })).status).toBe(403)
})

test('a refusal is told, and ends it', async () => {
  const { deviceCode, userCode } = await start()
  await decide(userCode, false, await personOf(account, 'viewer'))
  expect((await poll(deviceCode)).body).toEqual({ status: 'denied' })
  expect((await poll(deviceCode)).status).toBe(404)
})

describe('what gives nothing', () => {
  test('a code after its ten minutes', async () => {
    const { deviceCode, userCode } = await start()
    service.clock.advanceMs(600_000)
    expect((await decide(userCode, true, await personOf(account, 'admin'))).status).toBe(422)
    expect((await poll(deviceCode)).status).toBe(404)
  })

  test('the word of anybody but a person who has signed in to the portal', async () => {
    const { userCode } = await start()
    const { token } = await service.ok(
      'POST',
      `/api/v1/auth/app-portal-access/${account.id}`,
      {},
      { token: account.key },
    )
    for (const each of [token, account.key]) expect((await decide(userCode, true, each)).status).toBe(403)
    const foreign = await personOf(await service.account(), 'admin')
    expect((await decide(userCode, true, foreign)).status).toBe(404)
  })

  test('guessing: starts, polls and codes have a limit a minute', async () => {
    const { deviceCode } = await start()
    const token = await personOf(account, 'admin')
    const last = async (times: number, ask: () => Promise<Answer>) => {
      let answer = await ask()
      for (let n = 1; n < times; n += 1) answer = await ask()
      return answer.status
    }
    expect(await last(10, () => service.call('POST', '/api/v1/cli-login', {}, anonymous))).toBe(429)
    expect(await last(41, () => poll(deviceCode))).toBe(429)
    expect(await last(11, () => decide('BBBB-BBBB', true, token))).toBe(429)
  })
})

test('neither code stands in the database as it was given to the device, nor in a log', async () => {
  const { deviceCode, userCode } = await start()
  const rows = await service.database.open('worker').query`select * from cli_login`
  expect(JSON.stringify(rows)).not.toContain(deviceCode)
  await decide(userCode, true, await personOf(account, 'viewer'))
  const { token } = (await poll(deviceCode)).body
  const log = service.logLines.join('')
  for (const secret of [deviceCode, token]) expect(log).not.toContain(secret)
})

describe('what was let in has the role of whoever has let it in (portal 2)', () => {
  type Member = { id: string; person: string; token: string }

  let people = 0

  /** A member as an admin makes one, who has come in by the link. */
  async function member(role: Role): Promise<Member> {
    people += 1
    const person = `person-${people}@example.com`
    const asOperator = { token: account.key }
    const { key } = await service
      .ok('POST', '/api/v1/env/login-link', { account: account.id, person, role }, asOperator)
      .then(({ url }) => ({ key: new URL(url).hash.replace('#key=', '') }))
    const headers = { authorization: '', 'sec-fetch-site': 'same-origin' }
    const { token } = await service.ok('POST', '/portal/session', { key, embed: true }, { headers })
    const { data } = await service.ok('GET', `/api/v1/app/${account.id}/member?limit=100`, undefined, asOperator)
    return { id: data.find((one: { person: string }) => one.person === person).id, person, token }
  }

  const setRole = (id: string, role: Role) =>
    service.ok('PATCH', `/api/v1/app/${account.id}/member/${id}`, { role }, { token: account.key })
  const remove = (id: string) =>
    service.ok('DELETE', `/api/v1/app/${account.id}/member/${id}`, undefined, { token: account.key })
  const whoami = (token: string) => service.call('GET', '/api/v1/auth/whoami', undefined, { token })
  const makeEndpoint = async (token: string) =>
    (await service.call('POST', `/api/v1/app/${account.id}/endpoint`, { url: 'ftp://x' }, { token })).status

  async function letIn(by: Member): Promise<string> {
    const { deviceCode, userCode } = await start()
    expect((await decide(userCode, true, by.token)).status).toBe(204)
    return (await poll(deviceCode)).body.token
  }

  test('with the next request after it has changed, and until the person is taken out', async () => {
    const ada = await member('developer')
    const token = await letIn(ada)
    expect((await whoami(token)).body).toMatchObject({ role: 'developer', person: ada.person, appId: account.id })
    expect(Date.parse((await whoami(token)).body.expiresAt) - service.clock.now().getTime()).toBe(30 * 86_400_000)
    expect(await makeEndpoint(token)).toBe(422) // it may, and the URL is none
    await setRole(ada.id, 'viewer')
    expect((await whoami(token)).body.role).toBe('viewer')
    expect(await makeEndpoint(token)).toBe(403)
    await setRole(ada.id, 'admin')
    expect(await makeEndpoint(token)).toBe(422)
    await remove(ada.id)
    expect((await whoami(token)).status).toBe(401)
  })

  test('also when it changes before the device has fetched the token', async () => {
    const [bo, cy] = [await member('developer'), await member('developer')]
    const [ofBo, ofCy] = [await start(), await start()]
    expect((await decide(ofBo.userCode, true, bo.token)).status).toBe(204)
    expect((await decide(ofCy.userCode, true, cy.token)).status).toBe(204)
    await setRole(bo.id, 'viewer')
    await remove(cy.id)
    const { token } = (await poll(ofBo.deviceCode)).body
    expect((await whoami(token)).body.role).toBe('viewer')
    expect(await makeEndpoint(token)).toBe(403)
    expect((await poll(ofCy.deviceCode)).body).toEqual({ status: 'denied' })
  })

  test('signing out leaves it, signing out everywhere ends it', async () => {
    const di = await member('developer')
    const token = await letIn(di)
    const close = (session: string, body: object) =>
      service.ok('DELETE', '/portal/session', body, {
        headers: { authorization: `Bearer ${session}`, 'sec-fetch-site': 'same-origin' },
      })
    await close(di.token, {})
    expect((await whoami(token)).status).toBe(200)
    expect((await decide((await start()).userCode, true, di.token)).status).toBe(401)
    const again = await service.ok(
      'POST',
      `/api/v1/app/${account.id}/login-link`,
      { memberId: di.id },
      { token: account.key },
    )
    const key = new URL(again.url).hash.replace('#key=', '')
    const headers = { authorization: '', 'sec-fetch-site': 'same-origin' }
    const back = await service.ok('POST', '/portal/session', { key, embed: true }, { headers })
    await close(back.token, { everywhere: true })
    expect((await whoami(token)).status).toBe(401)
  })

  test('what a person has done by it stands under the person’s name', async () => {
    const ed = await member('admin')
    const token = await letIn(ed)
    await service.ok('PATCH', `/api/v1/app/${account.id}/settings`, { timeZone: 'America/Chicago' }, { token })
    const lines = await service.ok('GET', `/api/v1/app/${account.id}/audit?limit=1`, undefined, { token: account.key })
    expect(lines.data[0].who).toMatchObject({ kind: 'person', name: ed.person, role: 'admin' })
  })

  test('staff let in what is theirs: every account of the environment, with a reason for a change, until their session ends', async () => {
    const parts = { clock: service.clock, ids: new IdSource(service.clock) }
    const expiresAt = new Date('2027-01-01T00:00:00Z')
    const { key } = await service.database
      .open('api')
      .transaction({ settings: visibleTo(account.environment) }, (tx) =>
        createStaffLink(tx, parts, account.environment, { person: 'Grace', role: 'operator', expiresAt }),
      )
    const sameOrigin = { authorization: '', 'sec-fetch-site': 'same-origin' }
    const signedIn = await service.call('POST', '/portal/session', { key }, { headers: sameOrigin })
    const headers = { ...sameOrigin, cookie: signedIn.headers.get('set-cookie')?.split(';')[0] ?? '' }
    const opened = await service.ok('POST', '/portal/session/token', {}, { headers })
    const { deviceCode, userCode } = await start()
    const path = `/api/v1/app/${account.id}/cli-login?userCode=${userCode}`
    expect(await service.ok('GET', path, undefined, { token: opened.token })).toMatchObject({ staff: 'operator' })
    expect((await decide(userCode, true, opened.token)).status).toBe(204)
    const { token, account: where, expiresAt: until } = (await poll(deviceCode)).body
    expect([where.id, until]).toEqual([account.id, signedIn.body.endsAt])
    expect((await whoami(token)).body).toMatchObject({ appId: null, role: 'operator', person: 'Grace' })
    expect((await service.call('GET', '/api/v1/env/account', undefined, { token })).status).toBe(200)
    expect(await makeEndpoint(token)).toBe(422)
    const change = { name: 'Northwind' }
    const renamed = (more: object) =>
      service.call('PATCH', `/api/v1/app/${account.id}`, change, { token, ...more }).then(({ status }) => status)
    expect(await renamed({})).toBe(422)
    expect(await renamed({ headers: { 'x-staff-reason': 'asked-for' } })).toBe(200)
    await service.ok('DELETE', '/portal/session', {}, { headers })
    expect((await whoami(token)).status).toBe(401)
  })
})
