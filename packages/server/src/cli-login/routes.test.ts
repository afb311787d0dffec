import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { visibleTo } from '#src/accounts/principal.ts'
import { IdSource } from '#src/adapters/ids.ts'
import { createLink } from '#src/portal/link-store.ts'
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
