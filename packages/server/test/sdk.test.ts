import { ApiException, AppPortalCapability, Svix } from 'svix'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { verifyOfficially } from './official-libraries.ts'
import { type Receiver, startReceiver } from './receiver.ts'
import { TestService } from './service.ts'

/** What a customer of the official SDK does, with nothing of ours in between: npm `svix` 2.x and an environment key. */

let service: TestService
let receiver: Receiver
let svix: Svix

beforeAll(async () => {
  receiver = await startReceiver()
  service = await TestService.start({ receivers: [receiver] })
  svix = new Svix(service.keys.production, { serverUrl: service.url })
})
beforeEach(() => receiver.reset())
afterAll(async () => {
  await service.close()
  await receiver.close()
})

test('2: application, endpoint, message, attempts and resend; what arrives verifies', async () => {
  const application = await svix.application.getOrCreate({ name: 'Northwind', uid: 'northwind' })
  expect(await svix.application.getOrCreate({ name: 'Another name', uid: 'northwind' })).toEqual(application)
  const endpoint = await svix.endpoint.create('northwind', { url: receiver.url, uid: 'main' })
  const { key } = await svix.endpoint.getSecret('northwind', 'main')
  await service.settled()

  receiver.answer(500, 200)
  const invoice = { eventType: 'invoice.paid', eventId: 'invoice-1', payload: { id: 'invoice-1', amount: 12 } }
  const message = await svix.message.create('northwind', invoice, { withContent: true })
  expect(message).toMatchObject({ eventType: 'invoice.paid', eventId: 'invoice-1', payload: { amount: 12 } })
  expect(await svix.message.get('northwind', 'invoice-1', { withContent: true })).toEqual(message)
  await service.settled()

  const byMessage = await svix.messageAttempt.listByMsg('northwind', message.id)
  expect(byMessage.done).toBe(true)
  expect(byMessage.data).toMatchObject([
    { msgId: message.id, endpointId: endpoint.id, status: 2, responseStatusCode: 500, triggerType: 0 },
  ])
  const byEndpoint = await svix.messageAttempt.listByEndpoint('northwind', endpoint.id, { status: 2 })
  expect(byEndpoint.data).toEqual(byMessage.data)

  await svix.messageAttempt.resend('northwind', message.id, 'main')
  await service.advance({ minutes: 10 })
  const after = await svix.messageAttempt.listByMsg('northwind', 'invoice-1')
  expect(after.data.map(({ status, triggerType }) => [status, triggerType])).toEqual([
    [0, 1],
    [2, 0],
  ])

  const [, ...sent] = receiver.requests // after the test request
  expect(sent.map(({ messageId }) => messageId)).toEqual([message.id, message.id])
  for (const request of receiver.requests) verifyOfficially(request, key)
  const [request] = sent
  if (!request) throw new Error('nothing arrived')
  expect(() => verifyOfficially({ ...request, body: Buffer.from('{}') }, key)).toThrow()
})

test('2: refusals arrive as the SDK’s own exception, with their status and body', async () => {
  const taken = { eventType: 'invoice.paid', eventId: 'invoice-2', payload: {} }
  await svix.application.getOrCreate({ name: 'Refused', uid: 'refused' })
  const first = await svix.message.create('refused', taken)
  const stranger = new Svix('sk_wrong', { serverUrl: service.url })
  const forbidden = { url: 'https://127.0.0.1/' }
  const cases: [call: () => Promise<unknown>, code: number, body: object][] = [
    [() => svix.message.create('refused', taken), 409, { code: 'conflict', msgId: first.id }],
    [() => svix.message.get('refused', 'msg_unknown'), 404, { code: 'not_found' }],
    [() => svix.endpoint.create('refused', forbidden), 422, { detail: [{ loc: ['body', 'url'] }] }],
    [() => stranger.application.list(), 401, { code: 'authentication_failed' }],
  ]
  for (const [call, code, body] of cases) {
    const refusal: unknown = await call().catch((error: unknown) => error)
    expect(refusal).toBeInstanceOf(ApiException)
    expect(refusal).toMatchObject({ code, body })
  }
})

test('2: portal access: a token within its rights, until it is ended', async () => {
  const application = { name: 'Portal', uid: 'portal' }
  const { token, url } = await svix.authentication.appPortalAccess('portal', {
    application,
    capabilities: [AppPortalCapability.ViewBase],
    sessionId: 'user_1',
  })
  expect(url).toMatch(/#key=lk_/)
  const reader = new Svix(token, { serverUrl: service.url })
  expect((await reader.application.get('portal')).uid).toBe('portal')
  const refusals: [call: () => Promise<unknown>, code: number][] = [
    [() => reader.endpoint.create('portal', { url: receiver.url }), 403],
    [() => reader.application.list(), 403],
    [() => reader.endpoint.list('northwind'), 404],
    [() => svix.authentication.logout(), 403],
    [() => svix.authentication.appPortalAccess('portal', { capabilities: [] }), 422],
    [() => svix.ingest.source.list(), 501],
  ]
  for (const [call, code] of refusals) await expect(call()).rejects.toMatchObject({ code })

  await svix.authentication.expireAll('portal', { sessionIds: ['user_2'] })
  expect((await reader.application.get('portal')).name).toBe('Portal')
  await svix.authentication.expireAll('portal', { sessionIds: ['user_1'] })
  service.clock.advanceMs(5_000)
  await expect(reader.application.get('portal')).rejects.toMatchObject({ code: 401 })

  const second = await svix.authentication.appPortalAccess('portal', {})
  await new Svix(second.token, { serverUrl: service.url }).authentication.logout()
  service.clock.advanceMs(5_000)
  await expect(new Svix(second.token, { serverUrl: service.url }).application.get('portal')).rejects.toMatchObject({
    code: 401,
  })
})
