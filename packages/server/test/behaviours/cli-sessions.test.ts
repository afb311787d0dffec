import { randomUUID } from 'node:crypto'
import { verify } from '@producersync/webhooks'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { acceptIn } from '#src/events/accept.ts'
import { StreamReader } from '../live-stream.ts'
import { HELD_OPEN } from '../postgres.ts'
import { type Receiver, startReceiver } from '../receiver.ts'
import { type TestAccount, TestService } from '../service.ts'

/**
 * Sessions of `psapi listen` (cli-receiver-docs 1.4). Seen to fail when the place within a look is left out of a position, and when
 * events are read by their ids.
 */

let receiver: Receiver
let service: TestService
let account: TestAccount
let token: string
beforeAll(async () => {
  receiver = await startReceiver()
  service = await TestService.start({ receivers: [receiver] })
  account = await service.account()
  token = await appToken(account)
  for (const name of ['one.happened', 'two.happened'])
    await service.ok('POST', '/api/v1/event-type', { name, description: name, groupName: name.slice(0, 3) })
})
afterAll(async () => {
  await service.close()
  await receiver.close()
})

async function appToken(of: TestAccount): Promise<string> {
  const given = await service.ok('POST', `/api/v1/auth/app-portal-access/${of.id}`, {}, { token: of.key })
  return given.token
}

type Session = { id: string; secret: string; path: string }

async function session(wish: object = {}): Promise<Session> {
  const path = `/api/v1/app/${account.id}/cli-session`
  const { id, secret } = await service.ok('POST', path, { device: randomUUID(), ...wish }, { token })
  return { id, secret, path: `${path}/${id}` }
}

async function listen({ path }: Session, lastId?: string, messagesMax?: number): Promise<StreamReader> {
  return await StreamReader.open(`${service.url}${path}/stream`, token, lastId, messagesMax)
}

function idsOf(...readers: StreamReader[]): string[] {
  return readers.flatMap((reader) => reader.of('event').map(({ data }) => data.msgId))
}

test('what arrives are the bytes as accepted, with both families of headers, signed by the session’s secret', async () => {
  const own = await session()
  const reader = await listen(own)
  const payload = '{"b": 1.0,  "a": "\\u00e9 é"}'
  const rawBody = `{"eventType": "test.happened", "payload": ${payload}}`
  const path = `/api/v1/app/${account.id}/msg`
  const message = JSON.parse(
    (await service.call('POST', path, undefined, { rawBody, headers: { 'content-type': 'application/json' } })).text,
  )
  await expect.poll(() => idsOf(reader)).toEqual([message.id])
  const { body, headers, eventType } = reader.of('event')[0]?.data ?? {}
  expect([Buffer.from(body, 'base64').toString(), eventType]).toEqual([payload, 'test.happened'])
  for (const name of ['id', 'timestamp', 'signature']) expect(headers[`svix-${name}`]).toBe(headers[`webhook-${name}`])
  const now = service.clock.now()
  await verify(Buffer.from(body, 'base64'), headers, { secrets: own.secret, now })
  await reader.cut()
})

test('the secret of a device stays the same, and is another one in another account and on another device', async () => {
  const device = randomUUID()
  const [one, again, other] = [await session({ device }), await session({ device }), await session()]
  expect(again.secret).toBe(one.secret)
  expect(again.id).not.toBe(one.id)
  expect(other.secret).not.toBe(one.secret)
  const foreign = await service.account()
  const elsewhere = await service.ok('POST', `/api/v1/app/${foreign.id}/cli-session`, { device })
  expect(elsewhere.secret).not.toBe(one.secret)
})

test('each event comes once and in the order of the commits, whatever is cut where', async () => {
  const own = await session()
  const readers: StreamReader[] = []
  const accepted: string[] = []
  let lastId: string | undefined
  for (let cut = 0; cut < 6; cut += 1) {
    const ids = await service.messages(
      account,
      Array.from({ length: 30 }, () => ({})),
    )
    accepted.push(...ids)
    const reader = await listen(own, lastId, 2 + 7 * cut) // in the middle of what a look finds
    readers.push(reader)
    await expect.poll(() => reader.ended).toBe(true)
    lastId = reader.lastId
  }
  const rest = await listen(own, lastId)
  await expect.poll(() => idsOf(...readers, rest).length).toBeGreaterThanOrEqual(accepted.length)
  await rest.cut()
  expect(idsOf(...readers, rest)).toEqual(accepted)
})

test('an event whose transaction commits late is not passed over', async () => {
  const reader = await listen(await session())
  const database = service.database.open('worker')
  const event = (id: string) => ({
    ...{ accountId: account.id, environment: account.environment, id, type: 'test.happened', cause: 'event' as const },
    ...{
      createdAt: service.clock.now(),
      payload: Buffer.from('{}'),
      payloadExpiresAt: new Date('2027-01-01T00:00:00Z'),
    },
  })
  const late = await service.message(account).then(({ id }) => id.replace(/.$/, '0')) // older by its id, too
  await expect.poll(() => idsOf(reader)).toHaveLength(1)
  let early = ''
  await database.transaction(HELD_OPEN, async (tx) => {
    await acceptIn(tx, [event(late)])
    early = (await service.message(account)).id
    await expect.poll(() => idsOf(reader).at(-1)).toBe(early)
  })
  await expect.poll(() => idsOf(reader).slice(1)).toEqual([early, late])
  await reader.cut()
})

describe('which events', () => {
  test('those of the types, groups or endpoint that it names; never opt-in ones and tests of endpoints', async () => {
    const endpoint = await service.endpoint(account, receiver, { eventTypes: ['two.happened'], disabled: false })
    const sessions = await Promise.all([
      session(),
      session({ eventTypes: ['one.happened'] }),
      session({ eventTypes: ['two'] }),
      session({ endpointId: endpoint.id }),
    ])
    const readers = await Promise.all(sessions.map((each) => listen(each)))
    await service.ok('POST', `/api/v1/app/${account.id}/endpoint/${endpoint.id}/send-example`, {
      eventType: 'webhook.ping',
    })
    const { id: one } = await service.message(account, { eventType: 'one.happened' })
    const { id: two } = await service.message(account, { eventType: 'two.happened' })
    await expect.poll(() => readers.map((reader) => idsOf(reader))).toEqual([[one, two], [one], [two], [two]])
    await Promise.all(readers.map((reader) => reader.cut()))
  })

  test('the latest from before, when asked for, each once also over a cut, and then those since', async () => {
    const before: string[] = []
    for (let n = 0; n < 4; n += 1) before.push((await service.message(account, { eventType: 'one.happened' })).id)
    const own = await session({ eventTypes: ['one'], latest: 3 })
    const { id: since } = await service.message(account, { eventType: 'one.happened' })
    const reader = await listen(own)
    await expect.poll(() => idsOf(reader)).toEqual([...before.slice(1), since])
    const second = reader.of('event')[1]?.id
    await reader.cut()
    const back = await listen(own, second)
    await expect.poll(() => idsOf(back)).toEqual([before[3], since])
    await back.cut()
  })

  test('an example that is sent to it, marked as a test, and to nobody else', async () => {
    const [own, other] = [await session(), await session()]
    const readers = [await listen(own), await listen(other)]
    const body = { eventType: 'producersync.npn.activated' }
    const { id } = await service.ok('POST', `${own.path}/test-event`, body, { token })
    await expect.poll(() => readers.map((reader) => idsOf(reader))).toEqual([[id], []])
    expect(readers[0]?.of('event')[0]?.data.headers['webhook-trigger']).toBe('test')
    expect(await service.destinations(account, id)).toEqual([])
    await Promise.all(readers.map((reader) => reader.cut()))
  })
})

test('what the local server answered is seen in the list, the last of each event', async () => {
  const own = await session({ forwardTo: 'http://localhost:3000/hooks' })
  const reader = await listen(own)
  const { id } = await service.message(account)
  const result = {
    eventId: id.replace('msg_', 'evt_'),
    responseStatusCode: 500,
    durationMs: 9,
    failureClass: 'http_server_error',
  }
  await service.ok('POST', `${own.path}/result`, result, { token })
  await service.ok('POST', `${own.path}/result`, { eventId: id, responseStatusCode: 204, durationMs: 23 }, { token })
  const expected = {
    msgId: id,
    eventType: 'test.happened',
    responseStatusCode: 204,
    durationMs: 23,
    failureClass: null,
  }
  const { data: sessions } = await service.ok('GET', `/api/v1/app/${account.id}/cli-session`, undefined, { token })
  expect(sessions[0]).toMatchObject({
    id: own.id,
    connected: true,
    forwardTo: 'http://localhost:3000/hooks',
    results: [expected],
  })
  const { data: results } = await service.ok('GET', `${own.path}/result`, undefined, { token })
  expect(results).toMatchObject([expected])
  const refused = await service.call('POST', `${own.path}/result`, { ...result, eventId: 'msg_none' }, { token })
  expect([refused.status, refused.body.detail[0].loc]).toEqual([422, ['body', 'eventId']])
  await reader.cut()
})

test('a session that is ended ends its stream within 5 s, and is not there any more', async () => {
  const own = await session()
  const reader = await listen(own)
  await service.ok('DELETE', own.path, undefined, { token })
  await service.advance({ seconds: 5 })
  await expect.poll(() => reader.ended).toBe(true)
  expect(reader.messages.at(-1)).toMatchObject({ event: 'bye', data: { reason: 'session_ended' } })
  expect((await listen(own)).status).toBe(404)
})

test('who comes back after more than is kept hears of the gap, and of what comes from now on', async () => {
  const own = await session()
  const reader = await listen(own, '7:7:')
  await expect.poll(() => reader.of('gap').map(({ data }) => data)).toEqual([{ reason: 'gap_too_old' }])
  const { id } = await service.message(account)
  await expect.poll(() => idsOf(reader)).toEqual([id])
  await reader.cut()
})

test('a read-only token gets none', async () => {
  const readOnly = await service.ok(
    'POST',
    `/api/v1/auth/app-portal-access/${account.id}`,
    { readOnly: true },
    { token: account.key },
  )
  const answer = await service.call(
    'POST',
    `/api/v1/app/${account.id}/cli-session`,
    { device: randomUUID() },
    { token: readOnly.token },
  )
  expect(answer.status).toBe(403)
})
