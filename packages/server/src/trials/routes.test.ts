import { verify } from '@producersync/webhooks/node'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { DeliveryWorld, type Json } from '../../test/attempt-world.ts'
import { type ReceivedRequest, type Receiver, type Reply, startReceiver } from '../../test/receiver.ts'
import type { Answer, TestAccount } from '../../test/service.ts'

let receiver: Receiver
let world: DeliveryWorld
let account: TestAccount
let endpoint: Json
let secret: string

beforeAll(async () => {
  receiver = await startReceiver()
  world = await DeliveryWorld.start({ receivers: [receiver] })
})
afterAll(async () => {
  await world.close()
  await receiver.close()
})
beforeEach(async () => {
  receiver.reset()
  account = await world.service.account('sandbox')
  endpoint = await world.service.endpoint(account, receiver, { eventTypes: ['producersync.npn.activated'] })
  secret = await secretNow()
  receiver.requests.length = 0
})

const pathOf = (id: string = endpoint.id) => `/api/v1/app/${account.id}/endpoint/${id}`
const byKey = () => ({ token: account.key })

async function secretNow(): Promise<string> {
  return (await world.service.ok('GET', `${pathOf()}/secret`, undefined, byKey())).key
}

async function act(name: 'test-event' | 'signature-check', body: object, options: object = {}): Promise<Answer> {
  return await world.service.call('POST', `${pathOf()}/${name}`, body, { ...byKey(), ...options })
}

async function shownEndpoint(): Promise<Json> {
  return await world.service.ok('GET', pathOf(), undefined, byKey())
}

/** Whether a request verifies by a secret, at this moment of the service. */
function fits({ headers, body }: ReceivedRequest, by: string): boolean {
  try {
    verify(body, headers, { secrets: by, now: world.service.clock.now() })
    return true
  } catch {
    return false
  }
}

/** A receiver that judges signatures as told. */
function judging({ wrong, old }: { wrong: number; old: number }): Reply {
  return (response, request) => {
    const ageMs = world.service.clock.now().getTime() - Number(request.headers['webhook-timestamp']) * 1_000
    const at = new Date(Number(request.headers['webhook-timestamp']) * 1_000)
    let isSigned = true
    try {
      verify(request.body, request.headers, { secrets: secret, now: at })
    } catch {
      isSigned = false
    }
    response.writeHead(!isSigned ? wrong : ageMs > 300_000 ? old : 200).end()
  }
}

describe('S10: a test event', () => {
  test('is answered with its attempt: the written body byte for byte, marked as a test, outside the filters, also when disabled', async () => {
    await world.service.ok('PATCH', pathOf(), { disabled: true }, byKey())
    const rawBody = '{"eventType":"producersync.updates_available","payload":{"id": "evt_x",  "n": 1.0}}'
    const answer = await world.service.call('POST', `${pathOf()}/test-event`, undefined, {
      ...byKey(),
      rawBody,
      headers: { 'content-type': 'application/json' },
    })
    expect(answer.status, answer.text).toBe(200)
    expect(answer.body).toMatchObject({
      endpointId: endpoint.id,
      eventType: 'producersync.updates_available',
      secret: 'all',
      attempt: { msgId: answer.body.msgId, responseStatusCode: 200, status: 0, triggerType: 1, attemptNumber: 0 },
    })
    const [request, ...more] = receiver.requests
    expect(more).toEqual([])
    expect(request?.body.toString()).toBe('{"id": "evt_x",  "n": 1.0}')
    expect(request?.headers['webhook-trigger']).toBe('test')
    expect(request?.verified).toBe(true)
    const message = await world.service.ok(
      'GET',
      `/api/v1/app/${account.id}/msg/${answer.body.msgId}`,
      undefined,
      byKey(),
    )
    expect(message.tags).toEqual(['webhook.test'])
    expect((await shownEndpoint()).disabled).toBe(true)
  })

  test('that fails says why, and leaves the failure clock alone', async () => {
    receiver.answer(500)
    const { body } = await act('test-event', { eventType: 'producersync.npn.activated' })
    expect(body.attempt).toMatchObject({ status: 2, failure: { class: 'http_server_error' }, nextAttempt: null })
    expect(receiver.requests[0]?.body.toString()).toContain(`"id":"${body.msgId.replace('msg_', 'evt_')}"`)
    expect((await shownEndpoint()).failingSince).toBeNull()
  })

  test('S11.2: signed by the newest secret alone, or by the former one alone, while both are valid', async () => {
    const former = secret
    expect(await act('test-event', { eventType: 'webhook.ping', secret: 'previous' })).toMatchObject({
      status: 409,
      body: { code: 'conflict' },
    })
    await world.service.ok('POST', `${pathOf()}/secret/rotate`, {}, byKey())
    const newest = await secretNow()
    for (const chosen of ['newest', 'previous', 'all']) {
      expect((await act('test-event', { eventType: 'webhook.ping', secret: chosen })).status).toBe(200)
    }
    const signed = receiver.requests.map((request) => [fits(request, newest), fits(request, former)])
    expect(signed).toEqual([
      [true, false],
      [false, true],
      [true, true],
    ])
  })

  test('a repeat by its key sends nothing, and gets the same attempt', async () => {
    const key = { headers: { 'idempotency-key': `auto_${endpoint.id}` } }
    const first = await act('test-event', { eventType: 'webhook.ping' }, key)
    const again = await act('test-event', { eventType: 'webhook.ping' }, key)
    expect(again.body).toEqual(first.body)
    expect(again.headers.get('x-idempotent-replay')).toBe('true')
    expect(receiver.requests).toHaveLength(1)
  })

  test('bad input names the field and sends nothing; the 11th test in a minute is 429, examples counted with it', async () => {
    expect((await act('test-event', { eventType: 'nobody.knows' })).status).toBe(404)
    for (const body of [{}, { eventType: 'webhook.ping', secret: 'old' }, { eventType: 'webhook.ping', payload: [] }]) {
      expect((await act('test-event', body)).status).toBe(422)
    }
    expect(receiver.requests).toEqual([])
    world.service.clock.advanceMs(60_000)
    for (let n = 0; n < 9; n += 1) {
      await world.service.ok('POST', `${pathOf()}/send-example`, { eventType: 'webhook.ping' }, byKey())
    }
    expect((await act('test-event', { eventType: 'webhook.ping' })).status).toBe(200)
    expect(await act('test-event', { eventType: 'webhook.ping' })).toMatchObject({ status: 429 })
    expect(await act('signature-check', {})).toMatchObject({ status: 429 })
  })
})

describe('S10.5: the signature check', () => {
  test.each([
    [{ wrong: 401, old: 400 }, 'verifies'],
    [{ wrong: 401, old: 200 }, 'takes_old_requests'],
    [{ wrong: 500, old: 400 }, 'refuses_by_crashing'],
    [{ wrong: 200, old: 200 }, 'accepts_unsigned'],
  ])('a receiver that answers %o: %s', async (answers, verdict) => {
    receiver.answer(judging(answers))
    const { status, body, text } = await act('signature-check', {})
    expect(status, text).toBe(200)
    expect(body.requests.map(({ request }: Json) => request)).toEqual(['good', 'wrong', 'old'])
    expect(body.requests.map(({ attempt }: Json) => attempt.responseStatusCode)).toEqual([
      200,
      answers.wrong,
      answers.old,
    ])
    expect(body).toMatchObject({ endpointId: endpoint.id, verdict })
    const old = body.requests[2]
    const headers = await world.service.ok(
      'GET',
      `/api/v1/app/${account.id}/msg/${old.msgId}/attempt/${old.attempt.id}/headers`,
      undefined,
      byKey(),
    )
    const sent = receiver.requests.find(({ messageId }) => messageId === old.msgId)
    expect(headers.sentHeaders['webhook-timestamp']).toBe(sent?.headers['webhook-timestamp'])
    expect((await shownEndpoint()).signatureCheck).toEqual({ verdict, checkedAt: body.checkedAt })
  })

  test('refuses valid data; without an answer its class is the advice', async () => {
    receiver.answer(401)
    expect((await act('signature-check', {})).body.verdict).toBe('refuses_valid')
    receiver.answer(302)
    const { body } = await act('signature-check', {})
    expect(body).toMatchObject({ verdict: 'could_not_check', advice: 'Redirect, not followed. Enter the final URL.' })
    expect((await shownEndpoint()).failingSince).toBeNull()
  })

  test('its verdict is forgotten with the secret, and with the URL', async () => {
    await act('signature-check', { eventType: 'producersync.npn.activated' })
    expect((await shownEndpoint()).signatureCheck).not.toBeNull()
    await world.service.ok('POST', `${pathOf()}/secret/rotate`, {}, byKey())
    expect((await shownEndpoint()).signatureCheck).toBeNull()
    await act('signature-check', {})
    expect((await shownEndpoint()).signatureCheck).not.toBeNull()
    await world.service.ok('PATCH', pathOf(), { url: `${receiver.url}/other` }, byKey())
    expect((await shownEndpoint()).signatureCheck).toBeNull()
    expect(receiver.requests.map(({ body }) => JSON.parse(body.toString()).type)).toContain(
      'producersync.npn.activated',
    )
  })

  test('the default body is the day’s signal', async () => {
    await act('signature-check', {})
    for (const { body } of receiver.requests) {
      expect(JSON.parse(body.toString())).toMatchObject({
        type: 'producersync.updates_available',
        data: { runDate: expect.any(String) },
      })
    }
  })
})
