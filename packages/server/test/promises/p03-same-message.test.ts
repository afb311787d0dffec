import { afterEach, beforeEach, expect, test } from 'vitest'
import { verifyOfficially } from '../official-libraries.ts'
import { type ReceivedRequest, type Receiver, startReceiver } from '../receiver.ts'
import { type TestAccount, TestService } from '../service.ts'

/**
 * P3: every attempt and replay has the same `webhook-id` and body bytes, a new timestamp and signature. Seen to fail when
 * - the payload is parsed and written again on its way (`payloadOf`);
 * - the timestamp is the message's, not the attempt's (`requestHeaders`).
 */

let receiver: Receiver
let service: TestService
let account: TestAccount

beforeEach(async () => {
  receiver = await startReceiver()
  service = await TestService.start({ receivers: [receiver] })
  account = await service.account()
})
afterEach(async () => {
  await service.close()
  await receiver.close()
})

const PAYLOAD = '{ "n" : 12345678901234567890.10, "n": 1.0,\n"\\u0000" : "\\ud800", "é": -0 , "__proto__": {"a":1E5} }'

test('28: attempts and resends are one message, byte for byte, each signed for its own moment', async () => {
  const endpoint = await service.endpoint(account, receiver)
  const { key } = await service.ok('GET', `/api/v1/app/${account.id}/endpoint/${endpoint.id}/secret`)
  const arrivedAt: Date[] = []
  let answer = 503
  receiver.answer((response) => {
    arrivedAt.push(service.clock.now())
    response.writeHead(answer).end()
  })
  const rawBody = `{"eventType":"test.happened","payload":${PAYLOAD}}`
  const { id } = await service.ok('POST', `/api/v1/app/${account.id}/msg`, undefined, { rawBody })
  await service.advance({ hours: 1 })
  expect(arrivedAt).toHaveLength(4)
  answer = 200
  for (let resends = 0; resends < 2; resends += 1) {
    await service.ok('POST', `/api/v1/app/${account.id}/msg/${id}/endpoint/${endpoint.id}/resend`)
    await service.advance({ seconds: 30 })
  }

  const requests = receiver.requests.slice(1)
  expect(requests).toHaveLength(6)
  expect(requests.map(({ messageId }) => messageId)).toEqual(Array.from({ length: 6 }, () => id))
  for (const { body } of requests) expect(body.toString('utf8')).toBe(PAYLOAD)
  const timestamps = requests.map(({ headers }) => Number(headers['webhook-timestamp']))
  expect(timestamps).toEqual(arrivedAt.map((at) => Math.floor(at.getTime() / 1_000)))
  expect(new Set(timestamps).size).toBe(6)
  expect(new Set(requests.map(({ headers }) => headers['webhook-signature'])).size).toBe(6)
  for (const request of requests) expectWhole(request, key)
  expect(requests.map(({ headers }) => headers['webhook-trigger'])).toEqual([
    ...Array.from({ length: 4 }, () => undefined),
    'replay',
    'replay',
  ])
})

/** Both families of headers say the same, and verify. */
function expectWhole(request: ReceivedRequest, secret: string): void {
  for (const part of ['id', 'timestamp', 'signature']) {
    expect(request.headers[`svix-${part}`]).toBe(request.headers[`webhook-${part}`])
  }
  verifyOfficially(request, secret)
}
