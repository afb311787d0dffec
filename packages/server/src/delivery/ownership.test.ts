import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Receiver, startReceiver } from '../../test/receiver.ts'
import { type TestAccount, TestService } from '../../test/service.ts'

const SHARDS = 256
const ENDPOINTS = 16

let receiver: Receiver
let service: TestService
let account: TestAccount

beforeAll(async () => {
  receiver = await startReceiver()
  service = await TestService.start({ receivers: [receiver] })
  account = await service.account()
  const { origin } = new URL(receiver.url)
  for (let n = 0; n < ENDPOINTS; n += 1) {
    await service.ok('POST', `/api/v1/app/${account.id}/endpoint`, { url: `${origin}/${n}`, timeoutMs: 30_000 })
  }
  await receiver.received(ENDPOINTS)
  await service.settled()
})
afterAll(async () => {
  await service.close()
  await receiver.close()
})

test('an attempt that takes long holds back its own shard only when shards are given to another worker', async () => {
  const held: ServerResponse[] = []
  receiver.answer((response) => void held.push(response))
  const { id } = await service.message(account)
  await receiver.until(() => held.length === ENDPOINTS)
  const joined = await TestService.start({ beside: service, receivers: [receiver], environment: { ROLES: 'worker' } })
  const shares = () => [service, joined].map(({ app }) => app.worker?.ownership.shardCount ?? 0)
  await expect.poll(() => shares()[1], { timeout: 15_000 }).toBeGreaterThanOrEqual(SHARDS / 2 - ENDPOINTS)
  receiver.answer(200)
  for (const response of held) response.writeHead(200).end()
  await expect.poll(shares, { timeout: 15_000 }).toEqual([SHARDS / 2, SHARDS / 2])
  await service.settled()
  expect((await service.attempts(account, id)).map(({ status }) => status)).toEqual(Array(ENDPOINTS).fill(0))
  expect(receiver.requests).toHaveLength(2 * ENDPOINTS)
  await joined.close()
})

test('what was noted as under way when an owner died is charged by its successor and no one after that', async () => {
  const rows = service.database.open('migrate')
  const owner = randomUUID()
  await rows.query`update shard set owner = ${owner}, in_hand = ${randomUUID()} where number = 7`
  const noted = () => rows.query<{ in_hand: string | null }>`
    select in_hand from shard where number = 7 and owner is distinct from ${owner}`
  await expect.poll(noted, { timeout: 15_000 }).toEqual([{ in_hand: null }])
})
