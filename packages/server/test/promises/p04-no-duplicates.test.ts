import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { withClient } from '#src/adapters/postgres/client.ts'
import { PATIENT_LEASES } from '../patience.ts'
import { type Receiver, startReceiver } from '../receiver.ts'
import { TestService } from '../service.ts'
import { ServiceHome, ServiceProcess } from '../service-process.ts'

/**
 * P4: duplicates only when an outcome could not be recorded. Seen to fail when
 * - what is in memory is read once more from the database (`Lanes.knows` false, and no held ids for `readLanes`);
 * - a success is recorded without deleting the delivery (`finished` in `recordAttempts`).
 */

const SECRET = `whsec_${randomBytes(32).toString('base64')}`
const UNLIMITED = {
  PSAPI_SERVER_HOST_PER_SECOND_MAX: '1000000',
  PSAPI_SERVER_ADDRESS_PER_SECOND_MAX: '1000000',
  PSAPI_SERVER_ACCOUNT_EVENTS_PER_SECOND: '1000000',
}

let receiver: Receiver

beforeEach(async () => {
  receiver = await startReceiver({ secrets: [SECRET] })
})
afterEach(() => receiver.close())

/** How many requests of each delivery came. */
function countsOf(requests: Receiver['requests']): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { path, messageId } of requests) {
    const delivery = `${path} ${messageId}`
    counts.set(delivery, (counts.get(delivery) ?? 0) + 1)
  }
  return counts
}

test('thousands of deliveries without a fault: each is answered 2xx once, and nothing is sent after that', async () => {
  const EVENTS = 1_500
  const PATHS = ['/a', '/b', '/c']
  const service = await TestService.start({ receivers: [receiver], environment: UNLIMITED })
  const account = await service.account()
  const { origin } = new URL(receiver.url)
  const retrySchedule = Array.from({ length: 20 }, () => 5)
  for (const path of PATHS) {
    const settings = { url: origin + path, secret: SECRET, retrySchedule, timeoutMs: 30_000 }
    await service.ok('POST', `/api/v1/app/${account.id}/endpoint`, settings)
  }
  await service.settled()

  // every seventh attempt fails, wherever it falls: retries run beside first attempts
  let attempts = 0
  let failures = 0
  const succeeded: string[] = []
  receiver.answer((response, { path, messageId }) => {
    attempts += 1
    const fails = attempts % 7 === 0
    if (fails) failures += 1
    else succeeded.push(`${path} ${messageId}`)
    response.writeHead(fails ? 503 : 200).end()
  })
  const ids: string[] = []
  for (let start = 0; start < EVENTS; start += 500) {
    const payloads = Array.from({ length: 500 }, (_, index) => ({ n: start + index }))
    ids.push(...(await service.messages(account, payloads)))
  }
  await service.advance({ minutes: 5 })

  // an answer that came too late for its attempt is no duplicate of ours
  const unanswered = await service.database.open('migrate').query`
    select outcome, count(*)::int from attempt where outcome <> 'responded' group by outcome`
  expect(unanswered).toEqual([])
  expect(new Set(succeeded).size).toBe(EVENTS * PATHS.length)
  expect(succeeded).toHaveLength(EVENTS * PATHS.length)
  expect(attempts).toBe(EVENTS * PATHS.length + failures)
  expect(new Set(ids).size).toBe(EVENTS)
  expect(receiver.overlaps).toEqual([])
  await service.close()
})

test('killed between 2xx and record: what was under way is sent once more, the same, and nothing else', async () => {
  const MESSAGES = 100
  const PATHS = ['/a', '/b']
  const home = await ServiceHome.testRun()
  // a lease that is lost where the machine stands still for a moment is a fault of its own, and repeats what was under way
  const options = { receivers: [receiver], leaseTimes: PATIENT_LEASES }
  const killAt = { failpoint: 'send.after_response', time: 60 } as const
  let service = await ServiceProcess.killable(home, { ...options, killAt })
  const account = await service.account()
  const { origin } = new URL(receiver.url)
  const endpoints: string[] = []
  for (const path of PATHS) {
    const settings = { url: origin + path, secret: SECRET }
    endpoints.push((await service.ok('POST', `/api/v1/app/${account.id}/endpoint`, settings)).id)
  }
  await receiver.received(PATHS.length)
  const ids = await service.messages(
    account,
    Array.from({ length: MESSAGES }, (_, n) => ({ n })),
  )
  expect((await service.exited).signal).toBe('SIGKILL')

  service = await ServiceProcess.killable(home, options)
  const before = receiver.events.length // all that the first one has sent, and nothing else: its lease lasts
  await withClient(
    home.connection,
    { role: 'migrate', applicationName: 'test', statementTimeoutMs: 30_000 },
    (client) => client.query('delete from worker where id = (select owner from shard where owner is not null limit 1)'),
  )
  const recorded = async (endpointId: string) => {
    const path = `/api/v1/app/${account.id}/attempt/endpoint/${endpointId}?limit=250&event_types=test.happened`
    return (await service.ok('GET', path)).data.length
  }
  for (const endpointId of endpoints) {
    await expect.poll(() => recorded(endpointId)).toBe(MESSAGES)
  }

  const counts = countsOf(receiver.events)
  expect(new Set(counts.keys())).toEqual(new Set(ids.flatMap((id) => PATHS.map((path) => `${path} ${id}`))))
  const repeated = [...counts].filter(([, count]) => count > 1)
  expect(repeated.length).toBeGreaterThanOrEqual(1)
  expect(repeated.every(([, count]) => count === 2)).toBe(true)
  // only what had been sent by the process that was killed
  const first = new Set(countsOf(receiver.events.slice(0, before)).keys())
  expect(repeated.every(([delivery]) => first.has(delivery))).toBe(true)
  const bodies = new Map(ids.map((id, n) => [id, `{"n":${n}}`]))
  for (const { messageId, body } of receiver.events) expect(body.toString()).toBe(bodies.get(messageId))
  await service.close()
  await home.remove()
})
