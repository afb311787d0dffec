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

  test('the box finds an NPN, a message, an event, an attempt and an endpoint, whole or by their beginnings, and the event id', async () => {
    const npnEvent = { eventType: 'producersync.npn.activated', payload: { data: { npn: '15645555' } } }
    const wide = await world.service.endpoint(account, good, { uid: 'wide', eventTypes: ['producersync'] })
    const about = await world.service.message(account, npnEvent)
    await world.settled()
    const [resent] = await world.all(`${log}?trigger=resend`)
    const idsOf = async (query: string) => (await world.all(`${log}?${query}`)).map((row) => row.id)
    const ofAbout = [`${about.id}:${wide.id}`]
    expect(await idsOf('q=15645555')).toEqual(ofAbout)
    expect(await idsOf('npn=15645555')).toEqual(ofAbout)
    expect(await idsOf(`q=${about.id}`)).toEqual(ofAbout)
    expect(await idsOf(`q=${about.id.replace('msg_', 'evt_').slice(0, -4)}`)).toEqual(ofAbout)
    expect(await idsOf(`q=${resent.lastAttempt.id}`)).toEqual([resent.id])
    expect(await idsOf(`q=${resent.lastAttempt.id.slice(0, -5)}`)).toEqual([resent.id])
    expect(await idsOf(`q=${wide.id}`)).toEqual(await idsOf('endpoint=wide'))
    expect(await idsOf('q=first-order')).toEqual([`${sent.delivered}:${fine.id}`])
    expect(await idsOf('q=15645556')).toEqual([])
    const messages = `/app/${account.id}/msg`
    expect((await world.get(`${messages}?npn=15645555`)).data.map((row: Json) => row.id)).toEqual([about.id])
    expect((await world.get(`${messages}?q=${about.id.slice(0, -2)}`)).data.map((row: Json) => row.id)).toEqual([
      about.id,
    ])
    expect((await world.get(`${messages}?q=first-order`)).data.map((row: Json) => row.id)).toEqual([sent.delivered])
    await world.call('POST', `${messages}/bulk-expunge`, { body: { ids: [about.id] } })
    expect(await idsOf('q=15645555')).toEqual([])
  })

  test('paging neither repeats nor skips while events arrive and attempts are made', async () => {
    const before = (await world.all(log)).map((row) => row.id)
    const seen: string[] = []
    for (let iterator = ''; ; ) {
      const page = await world.get(`${log}?limit=2${iterator}`)
      seen.push(...page.data.map((row: Json) => row.id))
      if (page.done) break
      iterator = `&iterator=${page.iterator}`
      await world.service.message(account, { eventType: 'order.placed' })
      await world.call('POST', `/app/${account.id}/msg/${sent.delivered}/endpoint/${fine.id}/resend`)
      await world.settled()
    }
    expect(seen).toEqual(before)
    const [newest] = (await world.get(`${log}?limit=1`)).data
    const back = await world.get(`${log}?limit=1&iterator=-${before[0]}`)
    expect(back.data[0].id > (before[0] ?? '')).toBe(true)
    expect(newest.id >= back.data[0].id).toBe(true)
  })

  test('an export has the rows of the list, as lines of CSV or JSON, and goes on after a row', async () => {
    const rows = await world.all(`${log}?type=order.paid`)
    const ndjson = await fetchText(`${log}/export?format=ndjson&type=order.paid`)
    expect(ndjson.type).toBe('application/x-ndjson')
    expect(ndjson.lines.map((line) => JSON.parse(line))).toEqual(rows)
    const csv = await fetchText(`${log}/export?format=csv&type=order.paid&iterator=${rows[0]?.id}`)
    expect(csv.type).toBe('text/csv; charset=utf-8')
    expect(csv.lines).toHaveLength(rows.length)
    expect(csv.lines[0]).toContain('state,eventType,msgId')
    expect(csv.lines[1]).toContain(`${rows[1]?.state},order.paid,${rows[1]?.msgId},`)
  })

  const faults: [query: string, status: number, loc: string | null][] = [
    ['state=unknown', 422, 'state'],
    ['class=unknown', 422, 'class'],
    ['code=9xx', 422, 'code'],
    ['npn=015', 422, 'npn'],
    ['q=%26', 422, 'q'],
    ['from=2026-03-06T15:00:00Z&to=2026-03-05T15:00:00Z', 422, 'to'],
    ['from=yesterday', 400, null],
    ['test=maybe', 400, null],
    ['iterator=msg_1', 422, 'iterator'],
    ['endpoint=ep_3Aa0F8E2yHdqfp6y2gwa1x3KJ8m', 404, null],
  ]
  test.each(faults)('%s is refused with %i', async (query, status, loc) => {
    const answer = await world.call('GET', `${log}?${query}`)
    expect(answer.status).toBe(status)
    if (loc !== null) expect(answer.body.detail[0].loc.slice(0, 2)).toEqual(['query', loc])
  })
})

async function fetchText(path: string): Promise<{ type: string | null; lines: string[] }> {
  const headers = { authorization: `Bearer ${account.key}` }
  const response = await fetch(`${world.service.url}/api/v1${path}`, { headers })
  return { type: response.headers.get('content-type'), lines: (await response.text()).trim().split(/\r?\n/) }
}
