import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DeliveryWorld, type Json } from '../../test/attempt-world.ts'
import { type Receiver, startReceiver } from '../../test/receiver.ts'
import type { TestAccount } from '../../test/service.ts'

// One account with a delivery of each kind; what a filter finds is held against all of them, one by one.
let world: DeliveryWorld
let account: TestAccount
let log: string
let good: Receiver
let bad: Receiver
let fine: Json
let failing: Json
const sent: Record<string, string> = {}

beforeAll(async () => {
  good = await startReceiver()
  bad = await startReceiver()
  world = await DeliveryWorld.start({ receivers: [good, bad] })
  account = await world.service.account()
  log = `/app/${account.id}/delivery`
  for (const name of ['order.placed', 'order.paid']) {
    await world.call('POST', '/event-type', { body: { name, description: name, groupName: 'orders' } })
  }
  fine = await world.service.endpoint(account, good, { uid: 'fine', eventTypes: ['order.placed', 'order.paid'] })
  failing = await world.service.endpoint(account, bad, { eventTypes: ['order.paid'], retrySchedule: [60] })
  await send('delivered', { eventType: 'order.placed', eventId: 'first-order' })
  bad.answer(500)
  await send('exhausted', { eventType: 'order.paid' })
  await world.advance(120)
  await send('resent', { eventType: 'order.paid' })
  await world.advance(120)
  bad.answer(204)
  await world.call('POST', `/app/${account.id}/msg/${sent.resent}/endpoint/${failing.id}/resend`)
  await world.settled()
  bad.answer(404)
  await send('retrying', { eventType: 'order.paid' })
  await send('waiting', { eventType: 'order.placed', deliverAt: at(3_600) })
  await world.call('POST', `/app/${account.id}/msg`, { body: { eventType: 'nobody.wants', payload: {} } })
})

afterAll(async () => {
  await world.close()
  await good.close()
  await bad.close()
})

async function send(name: string, message: object): Promise<void> {
  world.service.clock.advanceTo(new Date(world.service.clock.now().getTime() + 1_000))
  sent[name] = (await world.service.message(account, message)).id
  await world.settled()
}

function at(seconds: number): string {
  return new Date(world.service.clock.now().getTime() + seconds * 1_000).toISOString()
}

function stateOf(rows: Json[], name: string, endpoint: Json): string {
  return rows.find((row) => row.msgId === sent[name] && row.endpoint.id === endpoint.id)?.state
}

describe('GET A/delivery', () => {
  test('a delivery is an event with an endpoint, newest first, and stands as its last attempt and what is planned say', async () => {
    const rows = await world.all(log)
    expect(rows.map((row) => row.id)).toEqual(
      rows
        .map((row) => row.id)
        .toSorted()
        .toReversed(),
    )
    expect(rows.filter((row) => row.test)).toHaveLength(2)
    expect({
      delivered: stateOf(rows, 'delivered', fine),
      exhausted: stateOf(rows, 'exhausted', failing),
      resent: stateOf(rows, 'resent', failing),
      retrying: stateOf(rows, 'retrying', failing),
      waiting: stateOf(rows, 'waiting', fine),
    }).toEqual({
      delivered: 'delivered',
      exhausted: 'exhausted',
      resent: 'delivered',
      retrying: 'retrying',
      waiting: 'waiting',
    })
    const retrying = rows.find((row) => row.msgId === sent.retrying && row.endpoint.id === failing.id)
    expect(retrying).toMatchObject({
      attemptsMade: 1,
      attemptsMax: 2,
      nextAttempt: expect.any(String),
      lastAttempt: { responseStatusCode: 404, trigger: 'schedule', failure: { class: 'http_not_found' } },
    })
    expect(rows.some((row) => row.eventType === 'nobody.wants')).toBe(false)
  })

  const filters: [query: string, passes: (row: Json) => boolean][] = [
    ['state=delivered', (row) => row.state === 'delivered'],
    ['state=exhausted', (row) => row.state === 'exhausted'],
    ['state=retrying', (row) => row.state === 'retrying'],
    ['state=waiting', (row) => row.state === 'waiting'],
    ['state=retrying,exhausted', (row) => ['retrying', 'exhausted'].includes(row.state)],
    ['state=waiting,canceled,delivered', (row) => ['waiting', 'canceled', 'delivered'].includes(row.state)],
    ['type=order.placed', (row) => row.eventType === 'order.placed'],
    ['type=orders', (row) => row.eventType.startsWith('order.')],
    ['endpoint=fine', (row) => row.endpoint.uid === 'fine'],
    ['endpoint=fine&state=waiting', (row) => row.endpoint.uid === 'fine' && row.state === 'waiting'],
    ['class=http_not_found', (row) => row.lastAttempt?.failure?.class === 'http_not_found'],
    ['class=http_not_found,http_server_error', (row) => row.lastAttempt?.failure !== null && row.lastAttempt !== null],
    ['code=204', (row) => row.lastAttempt?.responseStatusCode === 204],
    ['code=4xx,500', (row) => [404, 500].includes(row.lastAttempt?.responseStatusCode)],
    ['code=2xx', (row) => [200, 204].includes(row.lastAttempt?.responseStatusCode)],
    ['test=true', (row) => row.test],
    ['test=false', (row) => !row.test],
    ['trigger=resend', (row) => row.lastAttempt?.trigger === 'resend'],
    ['trigger=schedule', (row) => row.lastAttempt?.trigger === 'schedule'],
    ['slow=true', () => false],
    ['slow=false', (row) => row.lastAttempt !== null],
    ['class=http_not_found&trigger=schedule&type=order.paid', (row) => row.state === 'retrying'],
  ]
  test.each(filters)(
    '%s finds what a look at every delivery finds, counts it, and pages through it',
    async (query, passes) => {
      const expected = (await world.all(log)).filter(passes).map((row) => row.id)
      const found = await world.all(`${log}?${query}`, 2)
      expect(found.map((row) => row.id)).toEqual(expected)
      const oldestFirst = await world.all(`${log}?${query}&sort=oldest`, 2)
      expect(oldestFirst.map((row) => row.id)).toEqual(expected.toReversed())
      expect(await world.get(`${log}/count?${query}`)).toEqual({ count: expected.length, capped: false })
    },
  )
})
