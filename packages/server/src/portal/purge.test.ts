import assert from 'node:assert/strict'
import { afterAll, beforeAll, test } from 'vitest'
import { TestService } from '../../test/service.ts'

let service: TestService
beforeAll(async () => {
  service = await TestService.start({ environment: { ROLES: 'api,worker' } })
})
afterAll(async () => await service.close())

test('ended links and sessions are kept 30 days, by housekeeping, and no longer', async () => {
  const account = await service.account()
  const path = `/api/v1/auth/app-portal-access/${account.id}`
  const { url } = await service.ok('POST', path, {})
  await service.ok('POST', path, { expiry: 3_600 })
  const headers = { 'sec-fetch-site': 'same-origin' }
  await service.ok('POST', '/portal/session', { key: url.split('#key=')[1] }, { headers })
  const owner = service.database.open('migrate')
  const left = async () => {
    const [row] = await owner.query<{ links: number; sessions: number }>`
      select (select count(*)::int from login_link) as links, (select count(*)::int from portal_session) as sessions`
    return [row?.links, row?.sessions]
  }
  assert.deepEqual(await left(), [2, 1])
  const after = async (hours: number) => {
    service.clock.advanceMs(hours * 3_600_000)
    await service.advance({ minutes: 20 })
    return await left()
  }
  assert.deepEqual(await after(30 * 24), [2, 1])
  assert.deepEqual(await after(2), [1, 1]) // the shorter link ended after an hour
  assert.deepEqual(await after(11), [1, 0]) // the session after 12
  assert.deepEqual(await after(7 * 24), [0, 0])
})
