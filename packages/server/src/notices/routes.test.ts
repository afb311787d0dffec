import { verify } from '@producersync/webhooks/node'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { IdSource } from '#src/adapters/ids.ts'
import { chicagoDay, chicagoMoment } from '#src/updates/calendar.ts'
import { SANDBOX_CALENDAR } from '#src/updates/sandbox-feed.ts'
import { nextBusinessDay } from '#src/updates/schedule.ts'
import { DeliveryWorld, type Json } from '../../test/attempt-world.ts'
import { type MailServer, startMailServer } from '../../test/mail-server.ts'
import { type Receiver, startReceiver } from '../../test/receiver.ts'
import type { Answer, TestAccount } from '../../test/service.ts'
import { changedChannels } from './change.ts'

let receiver: Receiver
let chat: Receiver
let mails: MailServer
let world: DeliveryWorld
let account: TestAccount
let endpoint: Json

beforeAll(async () => {
  receiver = await startReceiver()
  chat = await startReceiver()
  mails = await startMailServer()
  world = await DeliveryWorld.start({
    receivers: [receiver, chat],
    environment: { SMTP_URL: mails.url, MAIL_FROM: 'webhooks@northwind.example' },
  })
})
afterAll(async () => {
  await world.close()
  await receiver.close()
  await chat.close()
  await mails.close()
})
beforeEach(async () => {
  receiver.reset()
  chat.reset()
  mails.texts.length = 0
  account = await world.service.account()
  endpoint = await world.service.endpoint(account, receiver, { retrySchedule: [] })
  receiver.requests.length = 0
})

const RULES = ['first_failure', 'failure_rate', 'exhausted', 'disabling_50', 'disabled', 'daily_signal_late']

const pathOf = (rest: string) => `/api/v1/app/${account.id}/${rest}`

async function put(body: object): Promise<Answer> {
  return await world.service.call('PUT', pathOf('notification-rules'), body)
}

async function channels(...given: object[]): Promise<Json[]> {
  const answer = await put({ channels: given })
  expect(answer.status, answer.text).toBe(200)
  return answer.body.channels
}

const ofChat = (more: object = {}) => ({
  kind: 'chat',
  name: 'Team',
  url: `${chat.url}?key=secret`,
  rules: RULES,
  ...more,
})

/** Looks now for what is to be told, and sends it. */
async function told(): Promise<void> {
  await world.service.app.notices?.settled()
}

async function fail(count = 1): Promise<void> {
  receiver.answer(500)
  for (let index = 0; index < count; index += 1) await world.service.message(account)
  await world.settled()
}

const texts = () => chat.requests.map(({ body }) => JSON.parse(body.toString()).text)

describe('S13: who is told', () => {
  test('rules are replaced whole; what is secret of a channel is shown once or never', async () => {
    expect((await world.service.ok('GET', pathOf('notification-rules'))).channels).toEqual([])
    const answer = await put({
      channels: [
        ofChat(),
        { kind: 'webhook', name: 'Ours', url: chat.url, rules: ['disabled'] },
        { kind: 'mail', name: 'Anna', address: 'anna@northwind.example', rules: ['exhausted'], resolved: false },
      ],
      failureRate: { percent: 20, windowMinutes: 30 },
    })
    expect(answer.status, answer.text).toBe(200)
    const [team, ours, anna] = answer.body.channels
    expect(team).toMatchObject({
      kind: 'chat',
      to: new URL(chat.url).origin,
      resolved: true,
      enabled: true,
      lastSentAt: null,
    })
    expect(team.secret).toBeUndefined()
    expect(ours.secret).toMatch(/^whsec_/)
    expect(anna).toMatchObject({ to: 'anna@northwind.example', resolved: false })
    const shown = await world.service.ok('GET', pathOf('notification-rules'))
    expect(shown).toMatchObject({ failureRate: { percent: 20, windowMinutes: 30 }, mailAvailable: true })
    expect(JSON.stringify(shown)).not.toMatch(/key=secret|whsec_/)
    const kept = await channels({ id: ours.id, kind: 'webhook', name: 'Still ours', rules: [], enabled: false })
    expect(kept).toMatchObject([
      { id: ours.id, name: 'Still ours', to: new URL(chat.url).origin, rules: [], enabled: false },
    ])
    expect(kept[0].secret).toBeUndefined()
  })

  test('bad input names the field and changes nothing', async () => {
    const [team] = await channels(ofChat())
    for (const [channel, field] of [
      [ofChat({ rules: ['everything'] }), 'rules'],
      [ofChat({ url: 'http://10.0.0.1/hook' }), 'url'],
      [{ kind: 'chat', name: 'Team', rules: [] }, 'url'],
      [{ kind: 'mail', name: 'Anna', address: 'anna', rules: [] }, 'address'],
      [ofChat({ id: 'nch_other' }), 'id'],
      [{ ...ofChat({ id: team.id }), kind: 'webhook' }, 'kind'],
    ] as const) {
      const { status, body } = await put({ channels: [channel] })
      expect(status).toBe(422)
      expect(body.detail.map(({ loc }: Json) => loc[3])).toContain(field)
    }
    const broken = Array.from({ length: 10 }, () => ({
      kind: 'mail',
      id: 'nch_other',
      name: 'Anna',
      address: 'anna',
      rules: [],
    }))
    expect((await put({ channels: broken })).body.detail).toHaveLength(20)
    const eleven = Array.from({ length: 11 }, () => ofChat())
    expect((await put({ channels: eleven })).status).toBe(422)
    expect((await world.service.ok('GET', pathOf('notification-rules'))).channels).toMatchObject([{ id: team.id }])
  })

  test('without a mail server a channel by mail is refused', () => {
    const { clock } = world.service
    const parts = { ids: new IdSource(clock), now: clock.now(), checked: new Map(), sendsMail: false }
    const mail = { kind: 'mail' as const, name: 'Anna', address: 'anna@northwind.example', rules: [] }
    expect(() => changedChannels([mail], [], { id: account.id }, parts)).toThrow(/sends no mail/)
  })
})

describe('S13.1: what is told', () => {
  test('one notice per issue and one when it is resolved, however often one looks', async () => {
    await fail()
    world.service.clock.advanceMs(1_000)
    await channels(ofChat())
    await told()
    expect(texts(), 'of what was wrong before, nobody is told').toEqual([])
    world.service.clock.advanceMs(1_000)
    receiver.answer(404)
    for (let index = 0; index < 3; index += 1) await world.service.message(account)
    await world.settled()
    await told()
    await told()
    const [text, ...more] = texts()
    expect(more).toEqual([])
    expect(text).toContain('No such path or method: 127.0.0.1')
    expect(text).toContain('Typing error in the path')
    const issue = (await world.all(`/app/${account.id}/issue?class=http_not_found`))[0]
    const query = new URLSearchParams({ endpoint: endpoint.id, class: 'http_not_found', from: issue.firstAt })
    expect(text).toContain(`${world.service.url}/portal/a/${account.id}/log?${query.toString()}`)
    expect(text).not.toContain('/webhooks')
    receiver.answer(200)
    await world.service.message(account)
    await world.settled()
    world.service.clock.advanceMs(600_000)
    await told()
    await told()
    expect(texts().slice(1)).toEqual([expect.stringContaining('Works again: 127.0.0.1')])
  })

  test('only what was asked for: given up, a rate, the way to being disabled, disabled', async () => {
    const [first, rate, exhausted, half, disabled] = await channels(
      ...['first_failure', 'failure_rate', 'exhausted', 'disabling_50', 'disabled'].map((rule) =>
        ofChat({ name: rule, url: `${chat.url}/${rule}`, rules: [rule] }),
      ),
    )
    const toldTo = () => chat.requests.map(({ path }) => path.split('/').at(-1))
    await world.service.ok('PATCH', pathOf(`endpoint/${endpoint.id}`), { retrySchedule: [3_600] })
    await fail()
    await told()
    expect(toldTo()).toEqual([first.name])
    await fail(9)
    await told()
    expect(toldTo()).toEqual([first.name, rate.name])
    await world.advance(4_000)
    await told()
    expect(toldTo()).toEqual([first.name, rate.name, exhausted.name])
    for (let day = 0; day < 3; day += 1) {
      world.service.clock.advanceMs(86_000_000)
      await fail()
    }
    await told()
    expect(toldTo().slice(3)).toEqual([half.name])
    receiver.answer(410)
    await world.service.message(account)
    await world.settled()
    await told()
    await told()
    expect(toldTo().slice(4).toSorted()).toEqual([disabled.name, exhausted.name, first.name])
    expect(texts().filter((text) => text.includes('410 Gone'))).toHaveLength(1)
  })

  test('a webhook is signed, and a mail is sent; what fails is tried again', async () => {
    const [ours] = await channels(
      { kind: 'webhook', name: 'Ours', url: chat.url, rules: ['first_failure'] },
      { kind: 'mail', name: 'Anna', address: 'anna@northwind.example', rules: ['first_failure'] },
    )
    chat.answer(503, 200)
    await fail()
    await told()
    expect(chat.requests).toHaveLength(1)
    expect((await world.service.ok('GET', pathOf('notification-rules'))).channels[0]).toMatchObject({
      lastSentAt: null,
      lastFailure: 'It answered 503.',
    })
    world.service.clock.advanceMs(10_000)
    await told()
    const [one, two] = chat.requests
    expect(two?.messageId).toBe(one?.messageId)
    expect(
      verify(two?.body ?? Buffer.alloc(0), two?.headers ?? {}, {
        secrets: ours.secret,
        now: world.service.clock.now(),
      }),
    ).toMatchObject({
      type: 'notice.first_failure',
      data: { endpointId: endpoint.id, failureClass: 'http_server_error', failures: 1 },
    })
    expect((await world.service.ok('GET', pathOf('notification-rules'))).channels[0]).toMatchObject({
      lastFailure: null,
    })
    expect(mails.texts).toHaveLength(1)
    expect(mails.texts[0]).toMatch(/^To: anna@northwind\.example\r?$/m)
    expect(mails.texts[0]).toMatch(/Subject: Error 500/)
  })

  test('S13.2: a test is sent at once and says how it went, also to a channel that is off', async () => {
    const [team] = await channels(ofChat({ enabled: false }))
    const send = async (channelId: string) =>
      await world.service.call('POST', pathOf('notification-rules/test'), { channelId })
    const good = await send(team.id)
    expect(good.body).toMatchObject({ sent: true, failure: null })
    expect(texts()).toEqual([`${good.body.preview.subject}\n${good.body.preview.text}`])
    chat.answer(404)
    expect((await send(team.id)).body).toMatchObject({ sent: false, failure: 'It answered 404.' })
    expect((await send('nch_nobody')).status).toBe(404)
    account = await world.service.account()
    expect((await send(team.id)).status).toBe(404)
  })

  test('S13.2: what notices are like is read without sending any, of an endpoint of the account', async () => {
    await channels(ofChat())
    const { data } = await world.service.ok('GET', pathOf('notification-rules/preview'))
    const host = new URL(endpoint.url).host
    expect(data.map(({ rule, subject }: Json) => [rule, subject])).toEqual([
      ['first_failure', `Your endpoint is busy: ${host}`],
      ['failure_rate', `Your endpoint is busy: ${host}`],
      ['exhausted', `Your endpoint is busy: ${host}`],
      ...['disabling_50', 'disabling_70', 'disabling_90'].map((rule) => [
        rule,
        `${host} will be disabled unless a delivery succeeds`,
      ]),
      ['disabled', `${host} has been disabled`],
      ['daily_signal_late', expect.stringMatching(/^The daily signal of \d{4}-\d{2}-\d{2} is late$/)],
      ['certificate_ending', `The certificate of ${host} ends soon`],
    ])
    const [first, , , half] = data
    expect(first.text).toContain(`/portal/a/${account.id}/log?endpoint=${endpoint.id}&class=http_busy`) // S13.3
    expect([first.resolved.subject, half.resolved]).toEqual([`Works again: ${host}`, null])
    await told()
    expect(chat.requests).toEqual([])
    account = await world.service.account()
    const { data: without } = await world.service.ok('GET', pathOf('notification-rules/preview'))
    expect(without[0].subject).toBe('Your endpoint is busy: hooks.example.com')
  })

  test('a daily signal that is late is told once, from 11:30 in Chicago on, where there are runs', async () => {
    const { service } = world
    await channels(ofChat()) // of an account of production, which has no feed here
    const sandbox = await service.account('sandbox')
    const late = ofChat({ rules: ['daily_signal_late'] })
    const path = `/api/v1/app/${sandbox.id}/notification-rules`
    await service.ok('PUT', path, { channels: [late] }, { token: sandbox.key })
    let day = chicagoDay(service.clock.now())
    for (let count = 1; count <= 2; count += 1) {
      day = nextBusinessDay(day, SANDBOX_CALENDAR)
      service.clock.advanceTo(chicagoMoment(day, 11 * 60 + 29))
      await told()
      expect(texts()).toHaveLength(count - 1)
      service.clock.advanceTo(chicagoMoment(day, 11 * 60 + 31))
      await told()
      await told()
      expect(texts()).toHaveLength(count)
      expect(texts().at(-1)).toContain(`The daily signal of ${day} is late`)
    }
    const { database } = service
    await database.open('updates').query`
      insert into nipr_run (id, feed_id, run_date, state, trigger, next_try_at, scheduled_at, published_at, ended_at)
      select gen_random_uuid(), ${sandbox.id}, ${nextBusinessDay(day, SANDBOX_CALENDAR)}, 'published', 'schedule', at, at, at, at
        from (select ${chicagoMoment(nextBusinessDay(day, SANDBOX_CALENDAR), 630)}::timestamptz as at) as of`
    service.clock.advanceTo(chicagoMoment(nextBusinessDay(day, SANDBOX_CALENDAR), 12 * 60))
    await told()
    expect(texts()).toHaveLength(2)
  })

  test('an hour brings no more than sixty, however much goes wrong', async () => {
    await channels(ofChat({ rules: ['first_failure'] }))
    const now = world.service.clock.now()
    await world.owner.query`
      with many as (
        insert into endpoint (account_id, id, environment, url, created_at, updated_at)
        select ${account.id}, 'ep_' || lpad(n::text, 27, '0'), 'production', ${endpoint.url}, ${now}, ${now}
          from generate_series(1, 80) as n
        returning account_id, id
      )
      insert into issue (account_id, id, environment, endpoint_id, failure_class, state, first_at, last_at, failures, events,
                         exhausted, latest_attempt_id, latest_event_id, latest_status)
      select account_id, replace(id, 'ep_', 'iss_'), 'production', id, 'timeout', 'open', ${now}, ${now}, 1, 1, 0, '', '', 0
        from many`
    await told()
    await told()
    const [row] = await world.owner.query<{ notices: number }>`
      select count(*) as notices from notice where account_id = ${account.id}`
    expect(row?.notices).toBe(60)
  })
})
