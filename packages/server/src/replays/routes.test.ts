import type { ServerResponse } from 'node:http'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { DeliveryWorld, type Json } from '../../test/attempt-world.ts'
import { type Receiver, startReceiver } from '../../test/receiver.ts'
import type { TestAccount } from '../../test/service.ts'

let receiver: Receiver
let world: DeliveryWorld
let account: TestAccount

beforeAll(async () => {
  receiver = await startReceiver()
  world = await DeliveryWorld.start({ receivers: [receiver] })
})
afterAll(async () => {
  await world.close()
  await receiver.close()
})
beforeEach(async () => {
  receiver.answer(200)
  account = await world.service.account()
})
// what is still planned for its endpoints would reach the receiver in the next test
afterEach(async () => await world.service.ok('DELETE', `/api/v1/app/${account.id}`))

/** An endpoint whose test request has been answered; without further settings a failed delivery is given up at once. */
async function endpointOf(settings: object = { retrySchedule: [] }): Promise<Json> {
  return await world.service.endpoint(account, receiver, settings)
}

async function messages(count: number, message: object = {}): Promise<Json[]> {
  const made: Json[] = []
  for (let index = 0; index < count; index += 1) made.push(await world.service.message(account, message))
  await world.settled()
  return made
}

async function change(endpoint: Json, settings: object): Promise<void> {
  await world.service.ok('PATCH', `/api/v1/app/${account.id}/endpoint/${endpoint.id}`, settings)
}

function resend(message: Json, endpoint: Json, options: object = {}) {
  return world.call('POST', `/app/${account.id}/msg/${message.id}/endpoint/${endpoint.id}/resend`, options)
}

function actOn(act: 'retry' | 'cancel', message: Json, endpoint: Json) {
  return world.call('POST', `/app/${account.id}/msg/${message.id}/endpoint/${endpoint.id}/${act}`)
}

function replay(kind: 'recover' | 'replay-missing', endpoint: Json, body: object) {
  return world.call('POST', `/app/${account.id}/endpoint/${endpoint.id}/${kind}`, { body })
}

/** Starts a replay and lets it and its deliveries run to their ends. */
async function replayed(kind: 'recover' | 'replay-missing', endpoint: Json, body: object): Promise<Json> {
  const started = await replay(kind, endpoint, body)
  expect(started.status, started.text).toBe(202)
  for (;;) {
    await world.advance(5)
    const task = await world.get(`/background-task/${started.body.id}`)
    if (task.status !== 'running') return task
  }
}

/** What the receiver got while `work` ran, by message id. */
async function receivedWhile(work: () => Promise<unknown>): Promise<string[]> {
  const before = receiver.requests.length
  await work()
  await world.settled()
  return receiver.requests.slice(before).map((request) => request.messageId)
}

function idsOf(rows: Json[]): string[] {
  return rows.map((row) => row.id)
}

function hoursAgo(hours: number): string {
  return new Date(world.service.clock.now().getTime() - hours * 3_600_000).toISOString()
}

async function attemptsAt(message: Json, query = ''): Promise<Json[]> {
  return await world.all(`/app/${account.id}/attempt/msg/${message.id}${query}`)
}

describe('S6: one delivery', () => {
  test('its next attempt is made now, in the place of the one that was planned', async () => {
    const endpoint = await endpointOf({ retrySchedule: [3_600, 7_200] })
    receiver.answer(503)
    const [message] = await messages(1)
    expect(await receivedWhile(() => actOn('retry', message, endpoint))).toEqual([message.id])
    const [second, first] = await attemptsAt(message)
    expect([first.attemptNumber, second.attemptNumber]).toEqual([1, 2])
    expect(first.nextAttempt).toBeNull()
    expect(new Date(second.nextAttempt).getTime() - world.service.clock.now().getTime()).toBeGreaterThan(7_000_000)
    expect(await receivedWhile(() => world.advance(4_000))).toEqual([])
    receiver.answer(200)
    await receivedWhile(() => actOn('retry', message, endpoint))
    expect(await actOn('retry', message, endpoint)).toMatchObject({ status: 409, body: { code: 'conflict' } })
  })

  test('what is planned of it is canceled, and nothing else', async () => {
    const endpoint = await endpointOf({ retrySchedule: [60] })
    const other = await endpointOf({ retrySchedule: [60] })
    receiver.answer(503)
    const [message] = await messages(1)
    expect(await actOn('cancel', message, endpoint)).toMatchObject({ status: 204 })
    expect((await actOn('cancel', message, endpoint)).status).toBe(409)
    await world.settled()
    expect(await receivedWhile(() => world.advance(100))).toEqual([message.id])
    const ended = await world.service.destinations(account, message.id)
    expect(ended.map(({ id, status }: Json) => [id, status])).toEqual([
      [endpoint.id, 4],
      [other.id, 2],
    ])
  })
})

describe('S6: what is canceled while it is on the wire', () => {
  const timeoutMs = 30_000 // later than it is answered

  /** Cancels a delivery that the receiver has, and has not answered; then it does. */
  async function canceledOnTheWire(endpoint: Json, status: number): Promise<Json> {
    const held: ServerResponse[] = []
    receiver.answer((response) => void held.push(response))
    const message = await world.service.message(account)
    await receiver.until(() => held.length > 0)
    expect(await actOn('cancel', message, endpoint)).toMatchObject({ status: 204 })
    expect(await logged(message)).toMatchObject([{ state: 'canceled' }])
    for (const response of held) response.writeHead(status).end()
    await world.settled()
    return message
  }

  async function logged(message: Json): Promise<Json[]> {
    return await world.all(`/app/${account.id}/delivery?q=${message.id}`)
  }

  async function shown(message: Json): Promise<Json> {
    const [destination] = await world.service.destinations(account, message.id)
    const attempts = await attemptsAt(message, '?expanded_statuses=true')
    return {
      log: (await logged(message)).map(({ state }) => state),
      destination: destination.statusText,
      attempts: attempts.map(({ attemptNumber, statusText }) => [attemptNumber, statusText]),
    }
  }

  test('it was delivered, if it was, and nothing says that it was canceled', async () => {
    const endpoint = await endpointOf({ retrySchedule: [60], timeoutMs })
    const message = await canceledOnTheWire(endpoint, 200)
    expect(await shown(message)).toEqual({ log: ['delivered'], destination: 'success', attempts: [[1, 'success']] })
  })

  test('it was given up, if that was its last attempt', async () => {
    const endpoint = await endpointOf({ retrySchedule: [], timeoutMs })
    const message = await canceledOnTheWire(endpoint, 500)
    expect(await shown(message)).toEqual({ log: ['exhausted'], destination: 'fail', attempts: [[1, 'fail']] })
  })

  test('it failed, and what was canceled is the attempt after that', async () => {
    const endpoint = await endpointOf({ retrySchedule: [60], timeoutMs })
    const message = await canceledOnTheWire(endpoint, 500)
    const attempts = [
      [2, 'canceled'],
      [1, 'fail'],
    ]
    expect(await shown(message)).toEqual({ log: ['canceled'], destination: 'canceled', attempts })
    expect(await receivedWhile(() => world.advance(100))).toEqual([])
  })
})

describe('resend', () => {
  test('41: one attempt with the same id and body, marked as asked for, whatever the filters', async () => {
    const endpoint = await endpointOf()
    const other = await endpointOf({ eventTypes: ['producersync'] })
    const [message] = await messages(1)
    const got = await receivedWhile(async () => {
      expect(await resend(message, endpoint)).toMatchObject({ status: 202, text: '{}' })
      expect(await resend(message, other, { body: {} })).toMatchObject({ status: 202, text: '{}' })
    })
    expect(got).toEqual([message.id, message.id])
    const [first, second] = receiver.requests.slice(-2)
    expect(first?.headers['webhook-trigger']).toBe('replay')
    expect(first?.body).toEqual(second?.body)
    expect(receiver.requests.at(-3)?.body).toEqual(first?.body)
    const attempts = await attemptsAt(message)
    expect(
      attempts.map(({ endpointId, triggerType, attemptNumber, status }) => [
        endpointId,
        triggerType,
        attemptNumber,
        status,
      ]),
    ).toEqual([
      [other.id, 1, 0, 0],
      [endpoint.id, 1, 0, 0],
      [endpoint.id, 0, 1, 0],
    ])
  })

  test('41: it works on a disabled endpoint, and leaves it disabled', async () => {
    const endpoint = await endpointOf()
    const [message] = await messages(1)
    await change(endpoint, { disabled: true })
    const got = await receivedWhile(() => resend(message, endpoint))
    expect(got).toEqual([message.id])
    const shown = await world.service.ok('GET', `/api/v1/app/${account.id}/endpoint/${endpoint.id}`)
    expect(shown.disabled).toBe(true)
  })

  test('41: its success ends the planned retries', async () => {
    const endpoint = await endpointOf({})
    receiver.answer(503)
    const [message] = await messages(1)
    expect((await attemptsAt(message))[0].nextAttempt).not.toBeNull()
    receiver.answer(200)
    await receivedWhile(() => resend(message, endpoint))
    expect((await attemptsAt(message)).map(({ nextAttempt }) => nextAttempt)).toEqual([null, null])
    expect(await receivedWhile(() => world.advance(86_400))).toEqual([])
  })

  test('41: its failure leaves the planned retries as they are', async () => {
    const endpoint = await endpointOf({})
    receiver.answer(503)
    const [message] = await messages(1)
    const [{ nextAttempt }] = await attemptsAt(message)
    await receivedWhile(() => resend(message, endpoint))
    const [manual, scheduled] = await attemptsAt(message)
    expect(manual).toMatchObject({ triggerType: 1, status: 2, nextAttempt: null })
    expect(scheduled).toMatchObject({ triggerType: 0, status: 2, nextAttempt })
    expect(await receivedWhile(() => world.advance(6))).toEqual([message.id])
  })

  test('41: a message whose payload was erased is refused', async () => {
    const endpoint = await endpointOf()
    const [message] = await messages(1)
    await world.owner.query`update event set payload = null where account_id = ${account.id} and id = ${message.id}`
    const answer = await resend(message, endpoint)
    expect(answer).toMatchObject({ status: 400, body: { code: 'missing_payload' } })
  })

  test('42: the same Idempotency-Key sends once, also when the two come together', async () => {
    const endpoint = await endpointOf()
    const [message] = await messages(1)
    const headers = { 'idempotency-key': 'auto_resend' }
    const got = await receivedWhile(async () => {
      const answers = await Promise.all([1, 2, 3].map(() => resend(message, endpoint, { headers })))
      expect(answers.map(({ status }) => status)).toEqual([202, 202, 202])
      expect(answers.filter((answer) => answer.headers.get('x-idempotent-replay') === 'true')).toHaveLength(2)
    })
    expect(got).toEqual([message.id])
  })

  test('19, 20: what is unknown, deleted or foreign is 404, before the capability is asked for', async () => {
    const endpoint = await endpointOf()
    const [message] = await messages(1)
    const reader = await world.appToken(account, ['ViewBase'])
    expect(await resend(message, endpoint, { token: reader })).toMatchObject({ status: 403 })
    const foreign = await world.service.account()
    const unknown = [
      [{ id: `msg_${'0'.repeat(27)}` }, endpoint],
      [message, { id: `ep_${'0'.repeat(27)}` }],
      [{ id: 'msg_short' }, endpoint],
      [{ id: 'a b' }, endpoint],
    ]
    for (const [what, where] of unknown) {
      expect(await resend(what, where, { token: reader })).toMatchObject({ status: 404, body: { code: 'not_found' } })
    }
    const path = `/app/${foreign.id}/msg/${message.id}/endpoint/${endpoint.id}/resend`
    expect(await world.call('POST', path)).toMatchObject({ status: 404 })
    await world.service.ok('DELETE', `/api/v1/app/${account.id}/endpoint/${endpoint.id}`)
    expect(await resend(message, endpoint)).toMatchObject({ status: 404 })
  })
})

describe('recover', () => {
  test('42: sends each failed message once and none that succeeded', async () => {
    const endpoint = await endpointOf()
    const fine = await messages(3)
    receiver.answer(500)
    const broken = await messages(4)
    receiver.answer(200)
    let task: Json
    const got = await receivedWhile(async () => {
      task = await replayed('recover', endpoint, { since: hoursAgo(1) })
    })
    expect(got.toSorted()).toEqual(idsOf(broken).toSorted())
    expect(task).toMatchObject({
      status: 'finished',
      task: 'endpoint.recover',
      data: { messagesSent: 4, messagesSkipped: 0, appId: account.id, endpointId: endpoint.id },
    })
    for (const message of [...fine, ...broken]) {
      expect((await attemptsAt(message)).filter(({ status }) => status === 0)).toHaveLength(1)
    }
    const [last] = await attemptsAt(broken[0])
    expect(last).toMatchObject({ triggerType: 1, attemptNumber: 0 })
    const again = await receivedWhile(() => replayed('recover', endpoint, { since: hoursAgo(1) }))
    expect(again).toEqual([])
  })

  test('42: only messages created in [since, until), whenever they were attempted', async () => {
    const endpoint = await endpointOf()
    receiver.answer(500)
    await messages(1)
    await world.advance(60)
    const since = world.service.clock.now().toISOString()
    const wanted = await messages(1)
    await world.advance(60)
    const until = world.service.clock.now().toISOString()
    const [late] = await messages(1)
    await resend(wanted[0], endpoint)
    await resend(late, endpoint)
    await world.settled()
    receiver.answer(200)
    const got = await receivedWhile(() => replayed('recover', endpoint, { since, until }))
    expect(got).toEqual(idsOf(wanted))
  })

  test('42: retries that are still planned are included, and end with the success', async () => {
    const endpoint = await endpointOf({})
    receiver.answer(500)
    const broken = await messages(2)
    receiver.answer(200)
    const got = await receivedWhile(() => replayed('recover', endpoint, { since: hoursAgo(1) }))
    // the first retry comes after 5 s, at the time of the recovery or later: never a third attempt
    expect(got.toSorted()).toEqual(idsOf(broken).toSorted())
    expect(await receivedWhile(() => world.advance(86_400))).toEqual([])
  })

  test('42: payloads that are gone are skipped and counted', async () => {
    const endpoint = await endpointOf()
    receiver.answer(500)
    const [erased, kept] = await messages(2)
    await world.owner.query`update event set payload = null where account_id = ${account.id} and id = ${erased.id}`
    receiver.answer(200)
    let task: Json
    const got = await receivedWhile(async () => {
      task = await replayed('recover', endpoint, { since: hoursAgo(1) })
    })
    expect(got).toEqual([kept.id])
    expect(task.data).toMatchObject({ messagesSent: 1, messagesSkipped: 1, messagesScanned: 2 })
  })

  test('what fails again is failed again, and can be recovered again', async () => {
    const endpoint = await endpointOf()
    receiver.answer(500)
    const [message] = await messages(1)
    expect(await receivedWhile(() => replayed('recover', endpoint, { since: hoursAgo(1) }))).toEqual([message.id])
    receiver.answer(200)
    expect(await receivedWhile(() => replayed('recover', endpoint, { since: hoursAgo(1) }))).toEqual([message.id])
  })
})

describe('replay-missing', () => {
  test('42: sends exactly the never-attempted messages that match now, with the full schedule', async () => {
    const endpoint = await endpointOf({})
    const attempted = await messages(1)
    await change(endpoint, { disabled: true })
    const missed = await messages(2)
    const unwanted = await messages(1, { eventType: 'other.happened' })
    await world.advance(1)
    await change(endpoint, { disabled: false, eventTypes: null })
    await world.owner.query`
      update endpoint set event_types = '{test.happened}' where account_id = ${account.id} and id = ${endpoint.id}`
    receiver.answer(500, 500, 200)
    let task: Json
    const got = await receivedWhile(async () => {
      task = await replayed('replay-missing', endpoint, { since: hoursAgo(1) })
      await world.advance(86_400)
    })
    expect(new Set(got)).toEqual(new Set(idsOf(missed)))
    expect(got).not.toContain(unwanted[0].id)
    expect(got).not.toContain(attempted[0].id)
    expect(task).toMatchObject({ task: 'endpoint.replay', status: 'finished', data: { messagesSent: 2 } })
    const attempts = (await Promise.all(missed.map((message) => attemptsAt(message)))).flat()
    expect(attempts.map(({ triggerType, status }) => `${triggerType}${status}`).toSorted()).toEqual([
      '00',
      '00',
      '02',
      '02',
    ])
    expect(receiver.requests.at(-1)?.headers['webhook-trigger']).toBe('replay')
  })

  test('42: what was canceled before it was ever sent is missing; what is planned is not', async () => {
    const endpoint = await endpointOf({})
    const deliverAt = new Date(world.service.clock.now().getTime() + 3_600_000).toISOString()
    const [canceled] = await messages(1, { deliverAt })
    await world.advance(1)
    await change(endpoint, { disabled: true })
    await world.advance(2)
    await change(endpoint, { disabled: false })
    const [planned] = await messages(1, { deliverAt })
    const got = await receivedWhile(() => replayed('replay-missing', endpoint, { since: hoursAgo(1) }))
    expect(got).toEqual([canceled.id])
    expect(await receivedWhile(() => world.advance(3_600))).toEqual([planned.id])
  })

  test('test requests of other endpoints are missed by nobody', async () => {
    const endpoint = await endpointOf()
    await endpointOf()
    expect(await receivedWhile(() => replayed('replay-missing', endpoint, { since: hoursAgo(1) }))).toEqual([])
  })
})

describe('one replay at a time', () => {
  test('44: the same replay started 50 times in parallel is one task', async () => {
    const endpoint = await endpointOf()
    receiver.answer(500)
    await messages(10)
    const wish = { since: hoursAgo(1), rate: 1 }
    const answers = await Promise.all(Array.from({ length: 50 }, () => replay('recover', endpoint, wish)))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]))
    const tasks = (await world.all('/background-task')).filter(({ data }) => data.endpointId === endpoint.id)
    expect(tasks).toHaveLength(1)
    expect(new Set(answers.map(({ body }) => body.id))).toEqual(new Set(idsOf(tasks)))
  })

  test('44: while one runs, the same wish is answered with it and another is refused', async () => {
    const endpoint = await endpointOf()
    receiver.answer(500)
    await messages(20)
    await world.settled()
    const wish = { since: hoursAgo(1), rate: 1 }
    const first = await replay('recover', endpoint, wish)
    await world.settled()
    expect(await replay('recover', endpoint, wish)).toMatchObject({ status: 202, body: { id: first.body.id } })
    expect(await world.get(`/background-task/${first.body.id}`)).toMatchObject({ status: 'running' })
    const refusal = { status: 409, body: { code: 'task_running' } }
    expect(await replay('recover', endpoint, { ...wish, since: hoursAgo(2) })).toMatchObject(refusal)
    expect(await replay('replay-missing', endpoint, wish)).toMatchObject(refusal)
    await world.advance(60)
    expect(await world.get(`/background-task/${first.body.id}`)).toMatchObject({ status: 'finished' })
  })

  test('43: progress is seen to grow, and new messages are not delayed', async () => {
    const endpoint = await endpointOf()
    receiver.answer(500)
    const broken = await messages(100)
    receiver.answer(200)
    const { body: task } = await replay('recover', endpoint, { since: hoursAgo(1), rate: 10 })
    await world.settled()
    const sent = async () => (await world.get(`/background-task/${task.id}`)).data.messagesSent
    const seen = [await sent()]
    for (let second = 0; second < 4; second += 1) {
      const got = await receivedWhile(() => messages(1))
      expect(got).toHaveLength(1) // at the very moment
      await world.advance(2)
      seen.push(await sent())
    }
    expect(seen).toEqual(seen.toSorted((a, b) => a - b))
    expect(new Set(seen).size).toBeGreaterThan(2)
    expect(seen.at(-1)).toBe(100)
    await world.advance(12)
    const delivered = await Promise.all(broken.map((message) => attemptsAt(message, '?status=0')))
    expect(delivered.map((rows) => rows.length)).toEqual(broken.map(() => 1))
  })

  test("an account's replays work one after the other", async () => {
    const endpoints = [await endpointOf(), await endpointOf()]
    receiver.answer(500)
    await messages(6)
    await world.settled()
    const wish = { since: hoursAgo(1), rate: 1 }
    const started = [await replay('recover', endpoints[0], wish), await replay('recover', endpoints[1], wish)]
    const sentOf = async () =>
      await Promise.all(
        started.map(async ({ body }) => (await world.get(`/background-task/${body.id}`)).data.messagesSent),
      )
    await world.advance(1)
    const [sent, second] = await sentOf()
    expect(sent).toBeGreaterThan(0)
    expect(second).toBe(0)
    await world.advance(60)
    expect(await sentOf()).toEqual([6, 6])
  })

  test('a disabled endpoint is refused; one that is disabled meanwhile ends the task', async () => {
    const endpoint = await endpointOf()
    receiver.answer(500)
    await messages(20)
    const started = await replay('recover', endpoint, { since: hoursAgo(1), rate: 1 })
    await world.settled()
    await change(endpoint, { disabled: true })
    expect(await replay('recover', endpoint, { since: hoursAgo(1) })).toMatchObject({
      status: 409,
      body: { code: 'endpoint_disabled' },
    })
    await world.advance(10)
    expect(await world.get(`/background-task/${started.body.id}`)).toMatchObject({
      status: 'failed',
      data: { error: 'endpoint_disabled' },
    })
  })

  test('times that make no sense are refused and name the field', async () => {
    const endpoint = await endpointOf()
    const late = { since: hoursAgo(-1) }
    const long = { since: hoursAgo(14 * 24 + 1) }
    for (const body of [late, long, { since: hoursAgo(1), until: hoursAgo(2) }]) {
      const answer = await replay('recover', endpoint, body)
      expect(answer).toMatchObject({ status: 422, body: { detail: [{ loc: ['body', 'since'] }] } })
    }
    expect(await replay('recover', endpoint, {})).toMatchObject({ status: 422 })
    expect(await replay('recover', endpoint, { since: 'yesterday' })).toMatchObject({ status: 422 })
    expect(await replay('recover', endpoint, { since: hoursAgo(14 * 24) })).toMatchObject({ status: 202 })
    await world.settled()
    expect(await replay('replay-missing', endpoint, long)).toMatchObject({ status: 202 })
    await world.settled()
  })
})

describe('background tasks', () => {
  test('an app token sees its own account’s, an environment key those of all its accounts', async () => {
    const endpoint = await endpointOf()
    const { body: task } = await replay('recover', endpoint, { since: hoursAgo(1) })
    const stranger = await world.service.account()
    const tokens = [await world.appToken(account, ['ViewBase']), await world.appToken(stranger, ['ViewBase'])]
    const [own, foreign] = await Promise.all(
      tokens.map(async (token) => await world.call('GET', `/background-task/${task.id}`, { token })),
    )
    expect(own).toMatchObject({ status: 200, body: { id: task.id, task: 'endpoint.recover', data: expect.anything() } })
    expect(foreign).toMatchObject({ status: 404 })
    expect((await world.call('GET', '/background-task', { token: tokens[1] })).body).toEqual({
      data: [],
      iterator: null,
      done: true,
    })
    const { sandbox } = world.service.keys
    expect(await world.call('GET', `/background-task/${task.id}`, { token: sandbox })).toMatchObject({ status: 404 })
    expect(await world.call('GET', '/background-task/qtask_1')).toMatchObject({ status: 404 })
    expect(idsOf(await world.all('/background-task', 1))).toContain(task.id)
    expect(await world.call('GET', '/background-task?status=paused')).toMatchObject({ status: 422 })
  })
})

describe('cancel-msgs', () => {
  function cancel(endpoint: Json, createdBefore: Date, options: object = {}) {
    const path = `/app/${account.id}/endpoint/${endpoint.id}/cancel-msgs`
    return world.call('POST', path, { body: { createdBefore }, ...options })
  }
  const now = () => world.service.clock.now()

  test('45: nothing planned of earlier messages is sent any more, and it shows as canceled', async () => {
    const endpoint = await endpointOf({})
    receiver.answer(503)
    const early = await messages(2)
    await world.advance(1)
    const between = now()
    const late = await messages(1)
    expect(await cancel(endpoint, between)).toMatchObject({ status: 204, text: '' })
    const path = `/app/${account.id}/attempt/msg/${early[0].id}`
    // lists obey at once
    expect((await world.get(path)).data.map(({ nextAttempt }: Json) => nextAttempt)).not.toContain(expect.any(String))
    const got = await receivedWhile(() => world.advance(600))
    expect(new Set(got)).toEqual(new Set(idsOf(late)))
    const statuses = async (query: string) => (await world.get(path + query)).data.map(({ status }: Json) => status)
    expect(await statuses('?expanded_statuses=true')).toEqual([4, 2])
    expect(await statuses('')).toEqual([0, 2])
    expect(await statuses('?status=4&expanded_statuses=true')).toEqual([4])
  })

  test('45: a replay’s deliveries of earlier messages are canceled too, and later replays are not', async () => {
    const endpoint = await endpointOf({})
    await change(endpoint, { disabled: true })
    const [early] = await messages(1)
    await world.advance(60)
    const between = now()
    const [late] = await messages(1)
    await world.advance(1)
    await change(endpoint, { disabled: false })
    receiver.answer(503)
    await replayed('replay-missing', endpoint, { since: hoursAgo(1) })
    expect(await cancel(endpoint, between)).toMatchObject({ status: 204 })
    const got = await receivedWhile(() => world.advance(3_600))
    expect(new Set(got)).toEqual(new Set([late.id]))
    const [canceled] = await attemptsAt(early, '?expanded_statuses=true')
    expect(canceled).toMatchObject({ status: 4, outcome: 'canceled', responseStatusCode: 0 })
    receiver.answer(200)
    expect(await receivedWhile(() => replayed('recover', endpoint, { since: hoursAgo(2) }))).toContain(early.id)
  })

  test('45: of a slow endpoint too, nothing that was waiting in memory is sent later than a second after', async () => {
    const endpoint = await endpointOf({ throttleRate: 1 })
    const waiting = await messages(20)
    await world.advance(3)
    await cancel(endpoint, now())
    await world.advance(1)
    const got = await receivedWhile(() => world.advance(60))
    expect(got).toEqual([])
    const statuses = await Promise.all(waiting.map((message) => attemptsAt(message, '?expanded_statuses=true')))
    expect(statuses.flat().filter(({ status }) => status === 4).length).toBeGreaterThan(10)
  })

  test('45: messages accepted later are delivered, also when the moment lies ahead', async () => {
    const endpoint = await endpointOf()
    await cancel(endpoint, new Date(now().getTime() + 3_600_000))
    const [message] = await messages(1)
    expect((await attemptsAt(message)).map(({ status, outcome }) => [status, outcome])).toEqual([[0, 'responded']])
  })

  test('20: it takes the right to manage endpoints', async () => {
    const endpoint = await endpointOf()
    const token = await world.appToken(account, ['ViewBase', 'CreateAttempts'])
    expect(await cancel(endpoint, now(), { token })).toMatchObject({ status: 403 })
    expect(await cancel({ id: `ep_${'0'.repeat(27)}` }, now(), { token })).toMatchObject({ status: 404 })
  })
})
