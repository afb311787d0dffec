import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { IdSource } from '#src/adapters/ids.ts'
import { TestService } from '../../test/service.ts'
import { leaseJobs } from './job-store.ts'
import { advanceJob } from './work.ts'

/** It accepts jobs, and nobody works on them before the test says so. */
let service: TestService

beforeAll(async () => {
  service = await TestService.start({ environment: { ROLES: 'api' } })
})
afterAll(() => service.close())

/** Brings the account's first job so many transactions further. */
async function advance(steps: number): Promise<void> {
  const updates = service.database.open('updates')
  const lease = { runnerId: randomUUID(), leaseMs: 60_000 }
  const parts = { database: updates, clock: service.clock, ids: new IdSource(service.clock) }
  const [key] = await leaseJobs(updates, lease.runnerId, lease.leaseMs, 1, service.clock.now())
  if (!key) throw new Error('nobody has a job')
  for (let step = 0; step < steps; step += 1) await advanceJob(parts, lease, key)
  await updates.query`update population_job set lease_until = null, lease_owner = null`
}

test('P3: a job is canceled between two chunks, keeps what is done, and can be taken back', async () => {
  const account = await service.account()
  const base = `/api/v1/app/${account.id}/population`
  const headers = { 'content-type': 'text/plain' }
  const list = Array.from({ length: 1_200 }, (_, index) => index + 1).join('\n')
  const preview = await service.ok('POST', `${base}/preview?mode=add`, undefined, { rawBody: list, headers })
  const accepted = await service.ok('POST', `${base}/change`, { previewId: preview.id })
  expect(accepted).toMatchObject({ type: 'add', state: 'pending', total: 1_200, processed: 0, opposite: null })
  const job = `${base}/job/${accepted.id}`

  await advance(2) // its start, and one chunk
  expect(await service.ok('GET', job)).toMatchObject({ state: 'running', processed: 500 })
  expect(await service.call('POST', `${job}/opposite`)).toMatchObject({ status: 409 })
  const another = await service.ok('POST', `${base}/preview?mode=add`, undefined, { rawBody: '5000', headers })
  const refused = await service.call('POST', `${base}/change`, { previewId: another.id })
  expect(refused).toMatchObject({ status: 409, body: { code: 'conflict' } }) // what it would do is not known yet

  expect(await service.ok('POST', `${job}/cancel`)).toMatchObject({ state: 'canceling', processed: 500 })
  await advance(3)
  const ended = await service.ok('GET', job)
  expect(ended).toMatchObject({
    state: 'canceled',
    processed: 500,
    counts: { added: 500 },
    message: 'Cancelled on request',
    opposite: { add: 0, remove: 500 },
  })
  expect(await service.ok('POST', `${job}/cancel`)).toMatchObject({ state: 'canceled' })
  const client = { token: await service.token(account) }
  const asV1 = await service.ok('GET', `/v1/accounts/subscriptions/status/${accepted.id}`, undefined, client)
  expect(asV1).toMatchObject({ state: 'partly_failed', details: { added: 500, message: 'Cancelled on request' } })

  const exported = await fetch(`${service.url}${job}/csv`, { headers: { authorization: `Bearer ${account.key}` } })
  expect(exported.headers.get('content-disposition')).toContain('population-change.csv')
  const [head, ...lines] = (await exported.text()).trimEnd().split('\r\n')
  expect([head, lines.length, lines[0], lines.at(-1)]).toEqual(['npn,outcome,reason', 1_200, '1,added,', '1200,,'])
  const added = await fetch(`${service.url}${job}/csv?outcome=added`, {
    headers: { authorization: `Bearer ${account.key}` },
  })
  expect((await added.text()).trimEnd().split('\r\n')).toHaveLength(501)

  const opposite = await service.ok('POST', `${job}/opposite`)
  expect(opposite).toMatchObject({ mode: 'opposite', format: 'job', counts: { add: 0, remove: 500, same: 0 } })
  const back = await service.ok('POST', `${base}/change`, { previewId: opposite.id })
  await advance(3)
  expect(await service.ok('GET', `${base}/job/${back.id}`)).toMatchObject({ type: 'opposite', state: 'succeeded' })
  const { page } = await service.ok('GET', '/v1/accounts/subscriptions', undefined, client)
  expect(page.totalElements).toBe(0)
  expect(await service.call('POST', `${base}/job/${back.id}/cancel`)).toMatchObject({ status: 409 })
})

test('a change of more than 50,000 NPNs is several jobs, and one to whoever looks', async () => {
  const account = await service.account()
  const base = `/api/v1/app/${account.id}/population`
  const list = JSON.stringify(Array.from({ length: 100_001 }, (_, index) => String(index + 1)))
  const preview = await service.ok('POST', `${base}/preview?mode=add`, undefined, { rawBody: list })
  expect(preview.counts).toMatchObject({ add: 100_001 })
  const accepted = await service.ok('POST', `${base}/change`, { previewId: preview.id })
  expect(accepted).toMatchObject({ total: 100_001, state: 'pending' })
  expect(accepted.parts).toHaveLength(3)
  const { data, done } = await service.ok('GET', `${base}/job`)
  expect([data.length, data[0].id, done]).toEqual([1, accepted.id, true])
  expect(await service.ok('GET', `${base}/job/${accepted.parts[2]}`)).toEqual(accepted)
  const [number = ''] = (await service.ok('GET', `${base}/job/${accepted.id}/item?limit=1`)).iterator.split('.')
  const across = await service.ok('GET', `${base}/job/${accepted.id}/item?limit=3&iterator=${number}.49997`)
  expect(across.data.map(({ npn }: { npn: string }) => npn)).toEqual(['49999', '50000', '50001'])
  const back = await service.ok('GET', `${base}/job/${accepted.id}/item?limit=3&iterator=${across.prevIterator}`)
  expect(back.data.map(({ npn }: { npn: string }) => npn)).toEqual(['49996', '49997', '49998'])
  expect(await service.ok('POST', `${base}/job/${accepted.id}/cancel`)).toMatchObject({ state: 'canceling' })
})
