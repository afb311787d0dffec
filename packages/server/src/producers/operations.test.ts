import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Receiver, startReceiver } from '../../test/receiver.ts'
import { insertProducer } from '../../test/record-rows.ts'
import { type TestAccount, TestService } from '../../test/service.ts'

const NPN = '77'
let receiver: Receiver
let service: TestService
let account: TestAccount
let token: string
let rows: Awaited<ReturnType<typeof insertProducer>>

beforeAll(async () => {
  receiver = await startReceiver()
  service = await TestService.start({ receivers: [receiver] })
  account = await service.account('sandbox')
  token = await service.token(account)
  const owner = service.database.open('migrate')
  rows = await insertProducer(owner, account.id, NPN)
  await insertProducer(owner, account.id, '78')
  const now = service.clock.now()
  await owner.query`
    insert into population (account_id, npn, active, activated_at, changed_at, change_number, source, data_status, activations, fresh_on)
    values (${account.id}, ${NPN}, true, ${now}, ${now}, 1, 'put', 'ready', 1, '2026-02-02'),
           (${account.id}, 78, false, ${now}, ${now}, 1, 'put', 'ready', 1, '2026-02-02')`
  await owner.query`
    insert into nipr_target (feed_id, npn, state, data)
    values (${account.id}, ${NPN}, 'active', 'ready'), (${account.id}, 78, 'active', 'ready')`
})
afterAll(async () => {
  await service.close()
  await receiver.close()
})

/** Operations 7 to 31, by their numbers. */
function operations(): [number, string][] {
  const producer = `/v2/entities/${NPN}`
  return [
    [7, '/v2/addresses'],
    [8, `${producer}/addresses`],
    [9, `/v1/addresses/${rows.address.id}`],
    [10, '/v2/appointments'],
    [11, `${producer}/appointments`],
    [12, `/v1/appointments/${rows.appointment.id}`],
    [13, '/v2/contactInfos'],
    [14, `${producer}/contactInfos`],
    [15, `/v1/contactInfos/${rows.contact_info.id}`],
    [16, '/v2/entities'],
    [17, producer],
    [18, '/v2/licenses'],
    [19, '/v2/licenseLoas'],
    [20, `/v2/licenses/${rows.license.id}/licenseLoas`],
    [21, `${producer}/licenses`],
    [22, `/v1/licenses/${rows.license.id}`],
    [23, `/v1/licenseLoas/${rows.license_loa.id}`],
    [24, '/v2/otherNames'],
    [25, `${producer}/otherNames`],
    [26, `/v1/otherNames/${rows.other_name.id}`],
    [27, '/v2/regulatoryActions'],
    [28, `/v2/regulatoryActions/${rows.regulatory_action.id}/regulatoryActionValues`],
    [29, `${producer}/regulatoryActions`],
    [30, `/v1/regulatoryActions/${rows.regulatory_action.id}`],
    [31, `/v1/regulatoryActionValues/${rows.regulatory_action_value.id}`],
  ]
}

test('rules 37, 38 and 40: operations 7 to 31 answer who may read, say how far the rate limit is, and refuse the others', async () => {
  const narrow = await service.token(account, ['producersync.write', 'webhooks'])
  const before = await service.call('GET', '/v2/entities', undefined, { token })
  let remaining = Number(before.headers.get('ratelimit-remaining'))
  for (const [number, path] of operations()) {
    const answer = await service.call('GET', path, undefined, { token })
    expect([number, answer.status, answer.headers.get('content-type')]).toEqual([number, 200, 'application/hal+json'])
    expect(answer.text).toContain(`"npn":"${NPN}"`)
    remaining -= 1
    expect(answer.headers.get('ratelimit-remaining')).toBe(String(remaining))
    expect((await service.call('GET', path, undefined, { token: narrow })).status).toBe(403)
    expect((await service.call('GET', path, undefined, { token: 'unknown' })).status).toBe(401)
  }
})

test('links of answers are absolute, and lead back to this service', async () => {
  const { links } = await service.ok('GET', '/v2/licenses', undefined, { token })
  expect(links.next.href).toMatch(`${service.url}/v2/licenses?`)
  const { embedded } = await service.ok('GET', '/v2/licenses', undefined, { token })
  const [license] = embedded.licenses
  expect(await service.ok('GET', license.links.self.href.slice(service.url.length), undefined, { token })).toEqual(
    license,
  )
})

test('rules 17, 23: the activated event of a read is delivered like any other, under one id on attempt, retry and replay', async () => {
  const endpoint = await service.endpoint(account, receiver, { filterTypes: ['producersync.npn.activated'] })
  receiver.answer(503, 200)
  const entity = await service.ok('GET', '/v2/entities/78', undefined, { token })
  expect(entity).toMatchObject({ npn: '78', subscriptionCount: 2 })
  await service.advance({ seconds: 1 }) // later than the NPN's last event, and the clock stood still
  expect(receiver.events).toHaveLength(1)
  const { id, ...event } = JSON.parse(receiver.events[0]?.body.toString() ?? '')
  expect(event).toMatchObject({ type: 'producersync.npn.activated', data: { npn: '78' } })
  await service.advance({ seconds: 10 })
  const path = `/api/v1/app/${account.id}/msg/${receiver.events[0]?.messageId}/endpoint/${endpoint.id}/resend`
  await service.ok('POST', path, undefined, { token: account.key })
  await service.advance({ seconds: 1 })
  expect(receiver.events.map(({ messageId }) => messageId.replace('msg_', 'evt_'))).toEqual([id, id, id])
  expect(new Set(receiver.events.map(({ body }) => body.toString())).size).toBe(1)
  await service.ok('GET', '/v2/entities/78/licenses', undefined, { token })
  await service.advance({ seconds: 1 })
  expect(receiver.events).toHaveLength(3)
})

test('rule 37: exactly 300 of 400 requests in one minute pass over two processes, and waiting retry-after is enough', async () => {
  const other = await TestService.start({ beside: service })
  const client = await service.token(account)
  const seen = { passed: new Set<string | null>(), refused: new Set<string | null>() }
  // as many side by side as two processes on a busy machine answer in their time
  const caller = async (through: TestService) => {
    for (let request = 0; request < 25; request += 1) {
      const { status, headers } = await through.call('GET', '/v1/licenses/1', undefined, { token: client })
      expect(headers.get('ratelimit-limit')).toBe('300')
      expect(Number(headers.get('ratelimit-reset'))).toBeGreaterThanOrEqual(1)
      if (status !== 429) seen.passed.add(headers.get('ratelimit-remaining'))
      else seen.refused.add(headers.get('retry-after'))
    }
  }
  await Promise.all(Array.from({ length: 16 }, (_, index) => caller(index % 2 === 0 ? service : other)))
  await other.close()
  expect(seen.passed.size).toBe(300)
  expect([...seen.refused]).toEqual([expect.stringMatching(/^[1-9]\d?$/)])
  service.clock.advanceMs(1_000 * Number([...seen.refused][0]))
  expect((await service.call('GET', '/v1/licenses/1', undefined, { token: client })).status).toBe(404)
})
