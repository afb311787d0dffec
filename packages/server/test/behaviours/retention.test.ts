import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Environment } from '#src/accounts/principal.ts'
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
