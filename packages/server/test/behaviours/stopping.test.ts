import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { Agent, type RequestOptions, request, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LEASE_TIMES } from '#src/delivery/ownership.ts'
import type { TestAccount } from '../api-client.ts'
import { testDatabase } from '../postgres.ts'
import { startPostgresProxy } from '../postgres-proxy.ts'
import { type Receiver, startReceiver } from '../receiver.ts'
import { TestService } from '../service.ts'
import { type Exit, ServiceHome, ServiceProcess } from '../service-process.ts'

/** The product's own process, stopped in one way after the other. */

const SECRET = `whsec_${randomBytes(32).toString('base64')}`
const DEADLINE_MS = 2_000
/** The deadline and 2 s, and as much again on a busy machine; whoever waits for a client waits for longer than that. */
const STOP_MS_MAX = 2 * (DEADLINE_MS + 2_000)

let receiver: Receiver
let home: ServiceHome
let service: ServiceProcess
let account: TestAccount

beforeAll(async () => {
  receiver = await startReceiver({ secrets: [SECRET] })
  home = await ServiceHome.shared()
  service = await start()
  account = await accountWith({ timeoutMs: DEADLINE_MS })
})
afterAll(async () => {
  await service.close()
  await home.remove()
  await receiver.close()
})

async function start(): Promise<ServiceProcess> {
  return await ServiceProcess.main(home, { receivers: [receiver] })
}

async function accountWith(endpoint: object): Promise<TestAccount> {
  const made = await service.account()
  const seen = receiver.requests.length
  const settings = { url: receiver.url, secret: SECRET, retrySchedule: [1, 1, 1], ...endpoint }
  await service.ok('POST', `/api/v1/app/${made.id}/endpoint`, settings)
  await receiver.received(seen + 1)
  return made
}

function isStopping(): boolean {
  return service.log.some(({ event }) => event === 'service.stopping')
}

/** Accepts messages whose requests are then open. @returns their ids and how to answer them */
async function underWay(count: number): Promise<{ ids: string[]; responses: ServerResponse[] }> {
  const responses: ServerResponse[] = []
  receiver.answer((response) => void responses.push(response))
  const ids = await service.messages(
    account,
    Array.from({ length: count }, (_, n) => ({ n })),
  )
  await receiver.until(() => responses.length === count)
  return { ids, responses }
}

async function statuses(ids: readonly string[]): Promise<number[][]> {
  return await Promise.all(
    ids.map(async (id) => (await service.attempts(account, id)).map((attempt) => attempt.status)),
  )
}

describe('a call under way when its process stops', () => {
  /** Holds a call right before its commit while the process is told to stop. @returns after how long it had stopped */
  async function stopDuringCall(headers: Record<string, string>): Promise<number> {
    const reached = Promise.withResolvers<void>()
    const held = Promise.withResolvers<void>()
    const failpoint = (name: string) => {
      if (name !== 'accept.before_commit') return undefined
      reached.resolve()
      return held.promise
    }
    const stopping = await TestService.start({ overrides: { failpoint } })
    const beside = await TestService.start({ beside: stopping })
    const { id } = await stopping.account()
    const agent = new Agent({ keepAlive: headers.connection !== 'close' })
    const call = post(`${stopping.url}/api/v1/app/${id}/msg`, {
      agent,
      headers: { authorization: `Bearer ${stopping.keys.production}`, 'content-type': 'application/json', ...headers },
    })
    await reached.promise
    const startedAt = performance.now()
    const closed = stopping.app.close()
    // nobody is let in any more
    await expect.poll(() => stopping.call('GET', '/api/v1/health/ping').catch(() => 'refused')).toBe('refused')
    held.resolve()
    const { status, body } = await call
    expect(status).toBe(202)
    const tooLate = setTimeout(() => agent.destroy(), STOP_MS_MAX) // or it would take as long as connections are kept
    await closed
    const afterMs = performance.now() - startedAt
    clearTimeout(tooLate)
    expect(await beside.ok('GET', `/api/v1/app/${id}/msg/${body.id}`)).toEqual(body)
    await beside.close()
    await stopping.close()
    return afterMs
  }

  test('is answered, and what it was told is there', async () => {
    expect(await stopDuringCall({ connection: 'close' })).toBeLessThan(STOP_MS_MAX)
  })

  // its answer says keep-alive, and nobody closes the connection then: the process waits for the client to do it
  test('does not keep the process by the connection that it came on', async () => {
    expect(await stopDuringCall({})).toBeLessThan(STOP_MS_MAX)
  })
})

test('a call whose client never ends its request does not keep the process', async () => {
  const stopping = await TestService.start()
  const { id } = await stopping.account()
  const call = request(`${stopping.url}/api/v1/app/${id}/msg`, {
    method: 'POST',
    headers: { authorization: `Bearer ${stopping.keys.production}`, 'content-length': 1_000 },
  })
  const ended = new Promise<void>((resolve) => call.on('error', () => resolve()))
  call.flushHeaders()
  call.write('{')
  await once(call, 'socket')
  await stopping.call('GET', '/api/v1/health/ping') // by now the one before has been seen
  const startedAt = performance.now()
  await Promise.all([stopping.app.close(), ended])
  expect(performance.now() - startedAt).toBeLessThan(STOP_MS_MAX)
  await stopping.close()
})

test('a database that has gone silent does not keep the process, whatever was under way', async () => {
  const silentReceiver = await startReceiver({ replies: [() => {}] })
  const database = await testDatabase()
  const proxy = await startPostgresProxy(database.connection)
  const stopping = await TestService.start({
    database,
    connection: proxy.connection,
    receivers: [silentReceiver],
    overrides: { leaseTimes: LEASE_TIMES, patience: 1 },
  })
  const stoppingAccount = await stopping.account()
  const app = `/api/v1/app/${stoppingAccount.id}`
  const token = await stopping.token(stoppingAccount)
  await stopping.ok('POST', `${app}/endpoint`, { url: silentReceiver.url, timeoutMs: DEADLINE_MS })
  await silentReceiver.received(1)
  const npns = Array.from({ length: 5_000 }, (_, n) => String(1_000_000 + n))
  const job = await stopping.ok('PUT', '/v1/accounts/subscriptions', npns, { token })
  await stopping.ok('POST', `${app}/msg`, { eventType: 'test.happened', payload: {} })
  proxy.become('silent')
  const startedAt = performance.now()
  await stopping.app.close()
  expect(performance.now() - startedAt).toBeLessThan(STOP_MS_MAX)
  await proxy.close()

  const next = await TestService.start({ beside: stopping })
  const status = `/v1/accounts/subscriptions/status/${job.job_id}`
  await expect.poll(async () => (await next.ok('GET', status, undefined, { token })).state).toBe('succeeded')
  await next.close()
  await stopping.close()
  await silentReceiver.close()
})

/** A message posted by a client that may keep its connection. */
async function post(url: string, options: RequestOptions): Promise<{ status: number; body: { id: string } }> {
  return await new Promise((resolve, reject) => {
    const call = request(url, { method: 'POST', ...options }, (response) => {
      const status = response.statusCode ?? 0
      text(response).then((body) => resolve({ status, body: JSON.parse(body) }), reject)
    })
    call.on('error', reject)
    call.end('{"eventType":"test.happened","payload":{}}')
  })
}

test('SIGTERM: attempts under way end and are recorded, exit code 0, and nothing is sent again', async () => {
  const { ids, responses } = await underWay(5)
  const seen = receiver.requests.length
  const stopped = service.end('SIGTERM')
  await expect.poll(isStopping).toBe(true)
  for (const response of responses) response.writeHead(200).end()
  const { code, afterMs } = await stopped
  expect(code).toBe(0)
  expect(afterMs).toBeLessThanOrEqual(STOP_MS_MAX)

  service = await start()
  expect(await statuses(ids)).toEqual(ids.map(() => [0]))
  receiver.answer(200)
  const { id } = await service.message(account)
  await receiver.until(() => receiver.events.some(({ messageId }) => messageId === id))
  expect(receiver.requests).toHaveLength(seen + 1)
})

test('SIGTERM while nobody answers: attempts end by their deadline, exit code 0, and their retries come later', async () => {
  const { ids } = await underWay(5)
  const { code, afterMs } = await service.end('SIGTERM')
  expect(code).toBe(0)
  expect(afterMs).toBeLessThanOrEqual(STOP_MS_MAX)
  receiver.answer(200)
  service = await start()
  await expect.poll(() => statuses(ids)).toEqual(ids.map(() => [2, 0]))
  const [attempt] = await service.attempts(account, ids[0] ?? '')
  expect(attempt.outcome).toBe('timed_out')
  expect(receiver.overlaps).toEqual([])
})

test('SIGTERM again, a second later, ends it at once, whatever is under way', async () => {
  const timeoutMs = 30_000
  account = await accountWith({ timeoutMs })
  const { ids } = await underWay(1)
  const startedAt = performance.now()
  service.signal('SIGTERM')
  let exit: Exit | undefined
  const ended = service.exited.then((how) => {
    exit = how
    return performance.now() - startedAt
  })
  // what comes within half a second is the same request: npm hands on what a terminal has sent too
  const again = () => {
    service.signal('SIGTERM')
    return exit
  }
  await expect.poll(again, { interval: 1_000 }).toEqual({ code: 1, signal: null })
  expect(await ended).toBeLessThanOrEqual(timeoutMs / 2)

  receiver.answer(200)
  service = await start()
  await expect.poll(() => statuses(ids)).toEqual([[0]])
})

test('SIGTERM while the database is gone: it ends in the same time', async () => {
  account = await accountWith({ timeoutMs: DEADLINE_MS })
  await underWay(3)
  await home.server?.stop()
  const { signal, afterMs } = await service.end('SIGTERM')
  expect(signal).toBeNull()
  expect(afterMs).toBeLessThanOrEqual(STOP_MS_MAX)
})
