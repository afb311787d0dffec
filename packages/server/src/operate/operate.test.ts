import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Receiver, startReceiver } from '../../test/receiver.ts'
import { TestService } from '../../test/service.ts'

let receiver: Receiver
let service: TestService

beforeEach(async () => {
  receiver = await startReceiver()
  service = await TestService.start({ receivers: [receiver] })
})
afterEach(async () => {
  await service.close()
  await receiver.close()
})

async function probe(path: string): Promise<{ status: number; text: string }> {
  const response = await fetch(`${service.app.adminUrl}${path}`)
  return { status: response.status, text: await response.text() }
}

/** Asked for again by those who expect it: one that the database has not answered within a second says so. */
async function readiness(): Promise<{ status: number }> {
  const { status, text } = await probe('/readyz')
  return { status, ...JSON.parse(text) }
}

describe('probes', () => {
  test('are all well on a service that runs, on a listener of their own', async () => {
    expect((await probe('/livez')).status).toBe(200)
    expect((await probe('/startupz')).status).toBe(200)
    await expect.poll(readiness).toEqual({
      status: 200,
      ready: true,
      parts: { database: null, masterKey: null, durability: null, draining: null },
    })
    expect((await fetch(`${service.app.url}/livez`)).status).toBe(404)
  })

  test('readiness ends when the master key is changed without this process, and comes back with the key', async () => {
    const owner = service.database.open('migrate')
    const keys = await owner.query<{
      id: Buffer
      check_value: Buffer
      created_at: Date
    }>`delete from master_key returning *`
    expect(keys).toHaveLength(1)
    await expect.poll(readiness).toMatchObject({
      status: 503,
      ready: false,
      parts: { database: null, masterKey: 'not that of the database' },
    })
    for (const { id, check_value, created_at } of keys) {
      await owner.query`insert into master_key (id, check_value, created_at) values (${id}, ${check_value}, ${created_at})`
    }
    await expect.poll(async () => (await readiness()).status).toBe(200)
  })

  test('readiness ends when a stop is asked for, life does not', async () => {
    service.app.health.drain()
    expect(await readiness()).toMatchObject({ status: 503, ready: false, parts: { draining: 'stopping' } })
    expect((await probe('/livez')).status).toBe(200)
  })

  test('GET and HEAD /api/v1/health say that the database answers and a worker is alive, without a token', async () => {
    for (const method of ['GET', 'HEAD']) {
      for (const path of ['/api/v1/health', '/api/v1/health/ping']) {
        await expect.poll(async () => (await fetch(`${service.app.url}${path}`, { method })).status).toBe(204)
      }
    }
    await service.app.worker?.close()
    const response = await fetch(`${service.app.url}/api/v1/health`)
    expect(response.status).toBe(503)
    expect(await response.json()).toMatchObject({ code: 'unavailable' })
  })
})

test('metrics count what was accepted and delivered, and name no account and no endpoint', async () => {
  const account = await service.account()
  const endpoint = await service.endpoint(account, receiver)
  receiver.answer(200, 500)
  await service.message(account)
  await service.message(account)
  await service.settled()
  const { text } = await probe('/metrics')
  expect(text).toMatch(/^psapi_events_accepted_total 2$/m)
  expect(text).toMatch(/^psapi_attempts_total\{lane="first",class="ok",code_group="2xx"\} 1$/m)
  expect(text).toMatch(/^psapi_attempts_total\{lane="first",class="http_server_error",code_group="5xx"\} 1$/m)
  expect(text).toMatch(/^psapi_pending\{lane="retry"\} 1$/m)
  expect(text).toMatch(/^psapi_endpoints\{state="failing"\} 1$/m)
  expect(text).toMatch(/^psapi_endpoints\{state="disabled"\} 0$/m)
  expect(text).toMatch(/^psapi_tasks\{kind="endpoint.recover",state="running"\} 0$/m)
  expect(text).toMatch(/^psapi_shards_owned 256$/m)
  expect(text).toMatch(/^psapi_ready\{part="durability"\} 1$/m)
  expect(text).toMatch(/^psapi_partitions_oldest_days \d+$/m)
  expect(text).toMatch(/^psapi_schedule_lag_seconds\{lane="first"\} 0$/m)
  expect(text).not.toContain(account.id)
  expect(text).not.toContain(endpoint.id)
})

test('one line is logged for each attempt, with ids and decision, and no line holds a payload, a secret or a URL path', async () => {
  const account = await service.account()
  const secret = 'whsec_QzVsZ2VoZWltZXJTY2hsdWVzc2VsZmFzdGxhbmdnZW51Zw=='
  const token = 'Bearer marked-credential'
  await service.endpoint(account, receiver, {
    secret,
    headers: { authorization: token },
    url: `${receiver.url}/marked-path`,
  })
  const message = await service.message(account, { payload: { marked: 'marked-payload' } })
  await service.settled()
  const lines = service.logLines.map((line) => JSON.parse(line))
  expect(lines.filter((line) => line.event === 'delivery.attempted' && line.eventId === message.id)).toMatchObject([
    { attempt: 1, cause: 'event', outcome: 'responded', status: 200, decision: 'delivered' },
  ])
  const text = service.logLines.join('')
  for (const marked of ['marked-payload', 'marked-credential', 'marked-path', secret, secret.slice(6), account.key]) {
    expect(text).not.toContain(marked)
  }
})

describe('housekeeping', () => {
  test('makes partitions ahead, so that events of every coming day have a place, and drops those past retention', async () => {
    const partitions = async () => {
      const rows = await service.database.open('migrate').query<{ name: string }>`
        select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
         where i.inhparent = 'event'::regclass order by 1`
      return rows.map(({ name }) => name)
    }
    expect(await partitions()).toContain('event_20260313')
    await service.advance({ hours: 2 })
    service.clock.advanceMs(91 * 86_400_000)
    await service.advance({ hours: 2 })
    expect(await partitions()).toContain('event_20260612')
    expect(await partitions()).not.toContain('event_20260306')
    const account = await service.account()
    expect((await service.message(account)).id).toMatch(/^msg_/)
  })

  test('statistics of a day are made of few rows, of every partition', async () => {
    await service.advance({ hours: 2 })
    const full = await service.database.open('migrate').query`
      select c.relname, a.attname
        from pg_inherits i join pg_class c on c.oid = i.inhrelid
        join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
       where i.inhparent in ('event'::regclass, 'attempt'::regclass) and a.attstattarget is distinct from 25`
    expect(full).toEqual([])
  })

  test('is done to the hot table after so many rows, however large it is, and without a pause', async () => {
    const [pending] = await service.database.open('migrate').query<{ options: string[] }>`
      select reloptions as options from pg_class where oid = 'pending'::regclass`
    expect(pending?.options).toEqual(
      expect.arrayContaining([
        'autovacuum_vacuum_scale_factor=0',
        'autovacuum_vacuum_threshold=10000',
        'autovacuum_vacuum_cost_delay=0',
      ]),
    )
  })

  test('a payload ends with its own retention, its message stays', async () => {
    const account = await service.account()
    const short = await service.message(account, { payloadRetentionHours: 1 })
    const long = await service.message(account)
    await service.advance({ hours: 1, minutes: 20 })
    const read = async (id: string) =>
      (await service.ok('GET', `/api/v1/app/${account.id}/msg/${id}`, undefined, { token: account.key })).payload
    expect(await read(short.id)).toEqual({ expired: true })
    expect(await read(long.id)).toEqual({ n: 1 })
  })
})
