import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Environment } from '#src/accounts/principal.ts'
import { withClient } from '#src/adapters/postgres/client.ts'
import type { Json } from '../attempt-world.ts'
import { type Receiver, startReceiver } from '../receiver.ts'
import { type TestAccount, TestService } from '../service.ts'

/** How long environments keep what they have accepted (webhook-api 14, 15). */

let receiver: Receiver
let service: TestService

beforeAll(async () => {
  receiver = await startReceiver()
  service = await TestService.start({ receivers: [receiver] })
})
afterAll(async () => {
  await service.close()
  await receiver.close()
})

async function keep(environment: Environment, days: number): Promise<void> {
  await service.database.open('migrate').query`
    update environment set settings = ${{ messageRetentionDays: days }}::jsonb where name = ${environment}`
}

/** Rows of an account in the tables, whatever the API says of them. */
async function rowsOf(account: TestAccount): Promise<Json> {
  const [row] = await service.database.open('migrate').query`
    select (select count(*)::int from event where account_id = ${account.id}) as events,
           (select count(*)::int from event where account_id = ${account.id} and payload is not null) as payloads,
           (select count(*)::int from event_uid where account_id = ${account.id}) as uids,
           (select count(*)::int from attempt where account_id = ${account.id}) as attempts,
           (select count(*)::int from task where account_id = ${account.id}) as tasks`
  return row
}

async function daysLater(days: number): Promise<void> {
  await service.settled()
  service.clock.advanceMs(days * 86_400_000)
  await service.advance({ minutes: 71 })
}

test('each environment removes its own rows in time: first the one that keeps them shortest', async () => {
  await keep('sandbox', 30)
  await keep('production', 120)
  const accounts = { sandbox: await service.account('sandbox'), production: await service.account('production') }
  for (const account of Object.values(accounts)) {
    await service.endpoint(account, receiver)
    await service.message(account, { eventId: 'order' })
    await service.settled()
    await service.ok('POST', `/api/v1/app/${account.id}/msg/expunge-all-contents`, undefined, { token: account.key })
    await service.settled()
    await service.message(account, { eventId: 'later' })
    await service.settled()
  }
  const whole = { events: 3, payloads: 1, uids: 2, attempts: 3, tasks: 1 }
  const list = async ({ id, key }: TestAccount) => {
    const before = new Date(service.clock.now().getTime() - 20 * 86_400_000).toISOString()
    return (await service.ok('GET', `/api/v1/app/${id}/msg?before=${before}`, undefined, { token: key })).data.length
  }
  await daysLater(29)
  expect(await rowsOf(accounts.sandbox)).toEqual(whole)
  expect(await list(accounts.sandbox)).toBe(3)

  service.clock.advanceMs(2 * 86_400_000)
  expect(await rowsOf(accounts.sandbox)).toEqual(whole)
  expect(await list(accounts.sandbox)).toBe(0) // not there any more, though not removed yet
  await service.advance({ minutes: 71 })
  expect(await rowsOf(accounts.sandbox)).toEqual({ events: 0, payloads: 0, uids: 0, attempts: 0, tasks: 0 })
  expect(await rowsOf(accounts.production)).toEqual(whole)
  // its event ids are free again
  await service.message(accounts.sandbox, { eventId: 'order' })

  await daysLater(60)
  expect(await rowsOf(accounts.production)).toEqual({ ...whole, payloads: 0 }) // 90 days, whatever the message is kept for
  expect(await list(accounts.production)).toBe(3)
  await daysLater(31)
  expect(await rowsOf(accounts.production)).toEqual({ events: 0, payloads: 0, uids: 0, attempts: 0, tasks: 0 })
})

test('a deleted account leaves nothing within a day but who did what to it: no row, no data key, none of its words (reliability-security 13)', async () => {
  const mark = 'marked-word'
  const key = { token: service.keys.production }
  const account = await service.account()
  const app = `/api/v1/app/${account.id}`
  await service.ok('PATCH', app, { name: mark, uid: mark, metadata: { mark } })
  await service.endpoint(account, receiver, { description: mark, headers: { 'x-mark': mark } })
  receiver.answer(500)
  await service.message(account, { payload: { mark }, eventId: mark, tags: [mark] })
  await service.ok('POST', `${app}/member`, { person: mark, role: 'admin' }, key)
  await service.ok('POST', `/api/v1/auth/app-portal-access/${account.id}`, {}, key)
  const kept = await service.account()
  await service.message(kept, { payload: { n: 1 } })
  expect(await tablesWith(account.id)).toEqual(expect.arrayContaining(['attempt', 'endpoint', 'event', 'member']))
  expect(await tablesNaming(mark)).toEqual(expect.arrayContaining(['account', 'event', 'member']))

  await service.ok('DELETE', app, undefined, key)
  await service.settled()
  await service.advance({ minutes: 90 })
  await service.app.housekeeping.settled()
  expect(await tablesWith(account.id)).toEqual(['audit'])
  expect(await tablesNaming(mark)).toEqual(['audit'])
  const owner = service.database.open('migrate')
  const [row] = await owner.query<{ bytes: number; purged: boolean }>`
    select length(data_key) as bytes, purged_at is not null as purged from account where id = ${account.id}`
  expect(row).toEqual({ bytes: 0, purged: true })
  expect(await tablesWith(kept.id)).toContain('event')
  receiver.answer(200)
})

/** Tables of account data that hold rows of an account. */
async function tablesWith(accountId: string): Promise<string[]> {
  return await tablesWhere(`account_id = '${accountId}'`, 'account_id')
}

/** Tables with a word in any of their columns; bytes are seen as such. */
async function tablesNaming(word: string): Promise<string[]> {
  return await tablesWhere(`t::text like '%${word}%' or t::text like '%${Buffer.from(word).toString('hex')}%'`, null)
}

async function tablesWhere(condition: string, column: string | null): Promise<string[]> {
  return await withClient(
    service.database.superuserConnection,
    { applicationName: 'test', statementTimeoutMs: 30_000 },
    async (client) => {
      const { rows } = await client.query<{ name: string }>(
        `select c.relname as name from pg_class c
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
          and ($1::text is null or exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = $1 and not a.attisdropped))
        order by c.relname`,
        [column],
      )
      const found: string[] = []
      for (const { name } of rows) {
        const { rowCount } = await client.query(`select from ${name} t where ${condition} limit 1`)
        if (rowCount) found.push(name)
      }
      return found
    },
  )
}
