import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DatabaseUnavailable } from '#src/adapters/postgres/database.ts'
import type { LeaseTimes } from '#src/delivery/ownership.ts'
import type { TestAccount } from '../api-client.ts'
import { type Receiver, startReceiver } from '../receiver.ts'
import { TestService } from '../service.ts'
import { ServiceHome, ServiceProcess } from '../service-process.ts'
import { Stopwatch } from '../stopwatch.ts'

/**
 * P1: 202 means on disk, fan-out included. Seen to fail when
 * - calls are answered before the commit of their events (`AcceptQueue.#commit`);
 * - deliveries are planned in a statement of their own after the commit: killed in between, the event reaches nobody.
 */

const SECRET = `whsec_${randomBytes(32).toString('base64')}`
const PATHS = ['/webhooks/a', '/webhooks/b']
/** The figure of takeover is P5's; here only that it happens. */
const SHORT_LEASES: LeaseTimes = { leaseMs: 2_000, heartbeatMs: 250, selfStopMs: 1_600, startMs: 1_200, lookMs: 100 }

let receiver: Receiver
let home: ServiceHome | undefined
let service: ServiceProcess

beforeEach(async () => {
  receiver = await startReceiver({ secrets: [SECRET] })
})
afterEach(async () => {
  if (home) {
    await service.close()
    await home.remove()
    home = undefined
  }
  await receiver.close()
})

/** One endpoint for each path, both proven by their test requests. */
async function fanOut(): Promise<TestAccount> {
  const account = await service.account()
  const { origin } = new URL(receiver.url)
  for (const path of PATHS) {
    await service.ok('POST', `/api/v1/app/${account.id}/endpoint`, { url: origin + path, secret: SECRET })
  }
  await receiver.received(PATHS.length)
  return account
}

/** Where messages have arrived so far, verified: `path id`, each once. */
function arrivals(): Set<string> {
  return new Set(receiver.events.map(({ path, messageId }) => `${path} ${messageId}`))
}

function everywhere(ids: Iterable<string>): Set<string> {
  return new Set([...ids].flatMap((id) => PATHS.map((path) => `${path} ${id}`)))
}

async function acceptedIds(account: TestAccount): Promise<string[]> {
  const ids: string[] = []
  for (let iterator = ''; ; ) {
    const path = `/api/v1/app/${account.id}/msg?limit=250&event_types=test.happened${iterator}`
    const page = await service.ok('GET', path)
    ids.push(...page.data.map((message: { id: string }) => message.id))
    if (page.done) return ids
    iterator = `&iterator=${page.iterator}`
  }
}

test('26: what is not committed is not acknowledged', async () => {
  const failpoint = (name: string) => {
    if (name === 'accept.before_commit') throw new DatabaseUnavailable('lost')
    return undefined
  }
  const inProcess = await TestService.start({ overrides: { failpoint } })
  const account = await inProcess.account()
  const path = `/api/v1/app/${account.id}/msg`
  const message = { eventType: 'test.happened', payload: {} }
  expect((await inProcess.call('POST', path, message)).status).toBe(503)
  expect((await inProcess.call('POST', `${path}/batch`, { messages: [message, message] })).status).toBe(503)
  expect((await inProcess.ok('GET', path)).data).toEqual([])
  await inProcess.close()
})

describe('24, 26: killed while it accepts a message', () => {
  const withKey = { headers: { 'idempotency-key': 'the-one' } }

  async function killedAt(failpoint: 'accept.before_commit' | 'accept.after_commit', message: object, options: object) {
    home = await ServiceHome.testRun()
    const killAt = { failpoint, time: 1 }
    service = await ServiceProcess.killable(home, { receivers: [receiver], leaseTimes: SHORT_LEASES, killAt })
    const account = await fanOut()
    await expect(service.message(account, message, options)).rejects.toThrow('fetch failed')
    expect((await service.exited).signal).toBe('SIGKILL')
    service = await ServiceProcess.killable(home, { receivers: [receiver], leaseTimes: SHORT_LEASES })
    return account
  }

  test('before the commit, nothing is there; the repeat is the first', async () => {
    const account = await killedAt('accept.before_commit', {}, withKey)
    expect(await acceptedIds(account)).toEqual([])
    const { id } = await service.message(account, {}, withKey)
    await receiver.until(() => arrivals().size === PATHS.length)
    expect(await acceptedIds(account)).toEqual([id])
    expect(arrivals()).toEqual(everywhere([id]))
  })

  test('between commit and answer, it is there and reaches every endpoint; the repeat by key is told so', async () => {
    const account = await killedAt('accept.after_commit', {}, withKey)
    await receiver.until(() => arrivals().size === PATHS.length)
    const ids = await acceptedIds(account)
    expect(arrivals()).toEqual(everywhere(ids))
    expect(ids).toHaveLength(1)
    const { id } = await service.message(account, {}, withKey)
    expect([id]).toEqual(ids)
    expect(await acceptedIds(account)).toEqual(ids)
  })

  test('between commit and answer, the repeat by eventId is 409 and names the message, which is delivered', async () => {
    const account = await killedAt('accept.after_commit', { eventId: 'order-1' }, {})
    const message = { eventType: 'test.happened', eventId: 'order-1', payload: { n: 1 } }
    const { status, body } = await service.call('POST', `/api/v1/app/${account.id}/msg`, message)
    const ids = await acceptedIds(account)
    expect([status, body.msgId, ids.length]).toEqual([409, ids[0], 1])
    await receiver.until(() => arrivals().size === PATHS.length)
    expect(arrivals()).toEqual(everywhere(ids))
  })
})

describe('killed under a stream of messages: the service, its database, the service', () => {
  const MESSAGES = 400
  const CALLERS = 8
  const KILLED_AFTER = [60, 160, 260]
  /** 2 s, and a little more. */
  const REFUSAL_MS_MAX = 2_500

  test('every acknowledged message exists once and reaches every endpoint', async () => {
    const here = ServiceHome.embedded()
    home = here
    service = await ServiceProcess.main(here, { receivers: [receiver] })
    const account = await fanOut()
    let running = Promise.resolve(service)
    const acknowledged = new Map<number, string>()
    const refusals: { status: number; retryAfter: string | null; inTime: boolean }[] = []
    const killService = () => {
      running = (async () => {
        await service.end('SIGKILL')
        service = await ServiceProcess.main(here, { receivers: [receiver] })
        return service
      })()
    }
    const kills = [killService, () => process.kill(here.postmasterPid, 'SIGKILL'), killService]
    let next = 0

    const post = async (n: number) => {
      const through = await running
      const watch = new Stopwatch()
      const path = `/api/v1/app/${account.id}/msg`
      const body = { eventType: 'test.happened', payload: { n } }
      const options = { headers: { 'idempotency-key': `message-${n}` } }
      const answer = await through.call('POST', path, body, options).catch(() => undefined)
      const afterMs = watch.stop()
      if (answer?.status === 202) {
        acknowledged.set(n, answer.body.id)
        if (acknowledged.size === KILLED_AFTER[KILLED_AFTER.length - kills.length]) kills.shift()?.()
      } else if (answer) {
        const retryAfter = answer.headers.get('retry-after')
        refusals.push({ status: answer.status, retryAfter, inTime: afterMs <= REFUSAL_MS_MAX })
      }
    }
    const call = async () => {
      while (next < MESSAGES) {
        const n = next
        next += 1
        while (!acknowledged.has(n)) await post(n)
      }
    }
    await Promise.all(Array.from({ length: CALLERS }, call))
    await running

    expect(kills).toEqual([])
    for (const refusal of refusals) expect(refusal).toEqual({ status: 503, retryAfter: '1', inTime: true })
    expect((await acceptedIds(account)).toSorted()).toEqual([...acknowledged.values()].toSorted())
    const expected = everywhere(acknowledged.values())
    await receiver.until(() => arrivals().size >= expected.size)
    expect(arrivals()).toEqual(expected)
    const bodies = new Map(receiver.requests.map(({ messageId, body }) => [messageId, body.toString()]))
    for (const [n, id] of acknowledged) expect(bodies.get(id)).toBe(`{"n":${n}}`)
    expect(receiver.overlaps).toEqual([])
  })
})
