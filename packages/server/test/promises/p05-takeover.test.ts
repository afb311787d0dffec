import { randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TestAccount } from '../api-client.ts'
import { type Receiver, startReceiver } from '../receiver.ts'
import { ServiceHome, ServiceProcess } from '../service-process.ts'

/**
 * P5: a dead worker's deliveries are taken over within 10 s. Real processes on the real lease times, one database, roles
 * apart: an API and two workers, which others join and leave. Seen to fail when
 * - a lease is made ten times as long;
 * - what was pending is not read by the taker (`#gained` without a sweep);
 * - a worker that ends does not wait for its attempts (`#releasing`): what it had sent is sent again.
 */

const SECRET = `whsec_${randomBytes(32).toString('base64')}`
const ENDPOINTS = 16
const TAKEOVER_MS_MAX = 10_000
const SHARDS = 256

let receiver: Receiver
let home: ServiceHome
let api: ServiceProcess
let workers: ServiceProcess[]
let account: TestAccount

beforeAll(async () => {
  receiver = await startReceiver({ secrets: [SECRET] })
  home = await ServiceHome.shared()
  // one after the other: the first brings the database up
  api = await ServiceProcess.main(home, { receivers: [receiver], environment: { ROLES: 'api,updates' } })
  workers = await Promise.all([startWorker(), startWorker()])
  account = await api.account()
  const { origin } = new URL(receiver.url)
  for (let n = 0; n < ENDPOINTS; n += 1) {
    const settings = { url: `${origin}/${n}`, secret: SECRET, timeoutMs: 30_000 }
    await api.ok('POST', `/api/v1/app/${account.id}/endpoint`, settings)
  }
  await receiver.received(ENDPOINTS)
})
afterAll(async () => {
  await Promise.all([api, ...workers].map((process) => process.close()))
  await home.remove()
  await receiver.close()
})

async function startWorker(): Promise<ServiceProcess> {
  return await ServiceProcess.main(home, { receivers: [receiver], environment: { ROLES: 'worker' } })
}

/** Waits until these workers share all shards evenly. */
async function expectEvenShares(): Promise<void> {
  const share = Math.ceil(SHARDS / workers.length)
  const shares = async () => {
    const owned = await Promise.all(workers.map(shardsOf))
    return { all: owned.reduce((sum, count) => sum + count, 0), most: Math.max(...owned) }
  }
  await expect.poll(shares).toEqual({ all: SHARDS, most: share })
}

async function shardsOf(worker: ServiceProcess): Promise<number> {
  const metrics = await (await fetch(`${worker.adminUrl}/metrics`)).text()
  return Number(/^psapi_shards_owned (\d+)$/m.exec(metrics)?.[1])
}

/** `path id` of what has come since the last call. */
let seen = ENDPOINTS
function newArrivals(): string[] {
  const arrivals = receiver.requests.slice(seen).map(({ path, messageId }) => `${path} ${messageId}`)
  seen = receiver.requests.length
  return arrivals
}

function everywhere(ids: readonly string[]): string[] {
  return ids.flatMap((id) => Array.from({ length: ENDPOINTS }, (_, n) => `/${n} ${id}`))
}

test('what a killed worker had in flight is sent again by the other within 10 s, and nothing else is', async () => {
  await expectEvenShares()
  const held = new Map<string, ServerResponse>()
  const lost: string[] = []
  receiver.answer((response, { path }) => {
    if (lost.includes(path)) return void response.writeHead(200).end()
    held.set(path, response)
    response.on('close', () => {
      if (!response.writableFinished) lost.push(path)
    })
  })
  const { id } = await api.message(account)
  await receiver.until(() => held.size === ENDPOINTS)

  const [victim, survivor] = workers
  if (!victim || !survivor) throw new Error('two workers were started')
  workers = [survivor]
  await victim.end('SIGKILL')
  const killedAt = performance.now()
  await expect.poll(() => lost.length).toBeGreaterThan(0)
  await receiver.until(() => receiver.requests.length === seen + ENDPOINTS + lost.length)
  expect(performance.now() - killedAt).toBeLessThanOrEqual(TAKEOVER_MS_MAX)
  for (const [path, response] of held) if (!lost.includes(path)) response.writeHead(200).end()

  await expectEvenShares()
  await expect
    .poll(async () => (await api.attempts(account, id)).map(({ status }) => status))
    .toEqual(Array.from({ length: ENDPOINTS }, () => 0))
  expect(lost.length).toBeLessThan(ENDPOINTS)
  expect(newArrivals().toSorted()).toEqual([...everywhere([id]), ...lost.map((path) => `${path} ${id}`)].toSorted())
  expect(receiver.overlaps).toEqual([])
})

test('others join and leave under a stream: everything arrives once, and the shards are shared evenly', async () => {
  receiver.answer(200)
  const ids: string[] = []
  let streaming = true
  const stream = (async () => {
    while (streaming || ids.length < 100) ids.push((await api.message(account, { payload: { n: ids.length } })).id)
  })()
  const joined = await startWorker()
  workers = [...workers, joined]
  await expectEvenShares()
  const [first] = workers
  if (!first) throw new Error('a worker is left')
  workers = [joined]
  expect((await first.end('SIGTERM')).code).toBe(0)
  await expectEvenShares()
  streaming = false
  await stream

  const expected = everywhere(ids)
  await receiver.until(() => receiver.requests.length >= seen + expected.length)
  const recorded = async () => (await api.attempts(account, ids.at(-1) ?? '')).length
  await expect.poll(recorded).toBe(ENDPOINTS)
  expect(newArrivals().toSorted()).toEqual(expected.toSorted())
  expect(receiver.overlaps).toEqual([])
})
