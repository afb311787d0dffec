import { BackgroundTaskStatus, Svix } from 'svix'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { verifyOfficially } from './official-libraries.ts'
import { type Receiver, startReceiver } from './receiver.ts'
import { TestService } from './service.ts'

/** What an operator does with the official SDK, nothing of ours in between: npm `svix` 2.x and an environment key. */

let service: TestService
let receiver: Receiver
let svix: Svix

beforeAll(async () => {
  receiver = await startReceiver()
  service = await TestService.start({ receivers: [receiver] })
  svix = new Svix(service.keys.production, { serverUrl: service.url })
  await svix.application.create({ name: 'Northwind', uid: 'northwind' })
})
beforeEach(() => receiver.reset())
afterAll(async () => {
  await service.close()
  await receiver.close()
})

test('2: operational endpoints, and what they get verifies', async () => {
  const { endpoint } = svix.operationalWebhook
  const made = await endpoint.create({
    url: receiver.url,
    eventTypes: ['endpoint.created'],
    headers: { 'x-team': 'ops' },
  })
  expect(await endpoint.get(made.id)).toEqual(made)
  expect((await endpoint.list()).data).toEqual([made])
  expect(await endpoint.getHeaders(made.id)).toEqual({ headers: { 'x-team': 'ops' }, sensitive: [] })
  await endpoint.setHeaders(made.id, { headers: { 'x-team': 'sre' } })
  await endpoint.rotateSecret(made.id)
  const upserted = await endpoint.upsert(made.id, {
    url: receiver.url,
    eventTypes: ['endpoint.created'],
    description: 'x',
  })
  expect(upserted).toMatchObject({ id: made.id, description: 'x' })
  const { key } = await endpoint.getSecret(made.id)
  const created = await svix.endpoint.create('northwind', { url: receiver.url, uid: 'main' })
  await service.settled()
  const [heard] = receiver.requests.filter(({ headers }) => headers['x-team'] === 'sre')
  if (!heard) throw new Error('nothing was heard')
  verifyOfficially(heard, key)
  expect(JSON.parse(heard.body.toString())).toMatchObject({
    type: 'endpoint.created',
    data: { endpointId: created.id },
  })
  await endpoint.delete(made.id)
  expect((await endpoint.list()).data).toEqual([])
})

test('2: replays, statistics, erasing and background tasks', async () => {
  const since = new Date(service.clock.now().getTime() - 3_600_000)
  await svix.endpoint.upsert('northwind', 'work', { url: receiver.url })
  await service.settled()
  const message = await svix.message.create('northwind', { eventType: 'invoice.paid', payload: { n: 1 } })
  await service.settled()
  expect(await svix.message.precheck('northwind', { eventType: 'invoice.paid' })).toEqual({ active: true })
  const replay = await svix.endpoint.bulkReplay('northwind', 'work', { since, eventTypes: ['invoice.paid'], status: 0 })
  await service.advance({ seconds: 10 })
  expect(await svix.backgroundTask.get(replay.id)).toMatchObject({ status: 'finished', task: 'endpoint.bulk-replay' })
  expect((await svix.endpoint.getStats('northwind', 'work')).success).toBe(2)

  const usage = await svix.statistics.aggregateAppStats({ since, until: service.clock.now(), appIds: ['northwind'] })
  expect(usage.unresolvedAppIds).toEqual([])
  const chosen = await svix.statistics.aggregateEventTypes()
  const [attempt] = (await svix.messageAttempt.listByMsg('northwind', message.id)).data
  if (!attempt) throw new Error('nothing was attempted')
  await svix.messageAttempt.expungeContent('northwind', message.id, attempt.id)
  expect((await svix.messageAttempt.get('northwind', message.id, attempt.id)).response).toBe('EXPUNGED')
  await svix.message.expungeContent('northwind', message.id)
  expect((await svix.message.get('northwind', message.id, { withContent: true })).payload).toEqual({ expired: true })
  expect(await svix.message.bulkExpungeContent('northwind', { ids: [message.id, 'none'] })).toEqual({
    results: { [message.id]: 'expunged', none: 'not-found' },
  })
  const erased = await svix.message.expungeAllContents('northwind')
  await service.settled()
  const { data } = await svix.backgroundTask.list({ status: BackgroundTaskStatus.Finished })
  expect(data.map(({ id }) => id)).toEqual([erased.id, chosen.id, usage.id, replay.id])
})

test('2: event types from OpenAPI', async () => {
  const spec = { openapi: '3.1.0', webhooks: { 'invoice.paid': { post: { description: 'Paid.' } } } }
  const dry = await svix.eventType.importOpenapi({ spec, dryRun: true })
  expect(dry.data.toModify).toMatchObject([{ name: 'invoice.paid', description: 'Paid.', deprecated: false }])
  expect(await svix.eventType.importOpenapi({ specRaw: JSON.stringify(spec) })).toMatchObject({
    data: { modified: ['invoice.paid'] },
  })
  expect(await svix.eventType.get('invoice.paid')).toMatchObject({ description: 'Paid.' })
})
