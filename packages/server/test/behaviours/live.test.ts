import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '#src/adapters/postgres/database.ts'
import { StreamReader } from '../live-stream.ts'
import { HELD_OPEN } from '../postgres.ts'
import { type Receiver, startReceiver } from '../receiver.ts'
import { type TestAccount, TestService } from '../service.ts'

/**
 * Live streams (portal 10), served by a process that has nothing but the API; what they tell of happens in another one. Seen to
 * fail when a reader's position is the newest transaction instead of a snapshot, when the hub rings nobody, and when a message's id
 * is the position before it.
 */

let receiver: Receiver
let worker: TestService
let api: TestService
let account: TestAccount
let endpointId: string
/** As the worker sees it. */
let database: Database
const open: StreamReader[] = []

beforeAll(async () => {
  receiver = await startReceiver()
  worker = await TestService.start({ receivers: [receiver], environment: { ROLES: 'worker,updates' } })
  database = worker.database.open('worker')
  api = await startApi()
  account = await api.account()
  const { id } = await api.endpoint(account, receiver)
  endpointId = id
})
afterAll(async () => {
  await Promise.all(open.map((reader) => reader.cut()))
  await api.close()
  await worker.close()
  await receiver.close()
})

async function startApi(): Promise<TestService> {
  return await TestService.start({ receivers: [receiver], environment: { ROLES: 'api' }, beside: worker })
}

async function live(topics: string, { token = account.key, lastId, of = account, at = api }: Options = {}) {
  const reader = await StreamReader.open(`${at.url}/api/v1/app/${of.id}/live?topics=${topics}`, token, lastId)
  open.push(reader)
  return reader
}
type Options = { token?: string; lastId?: string | undefined; of?: TestAccount; at?: TestService }

function statesOf(reader: StreamReader, msgId: string): string[] {
  return reader
    .changes('delivery.changed')
    .filter((change) => change.msgId === msgId)
    .map(({ state }) => state)
}

async function delivered(reader: StreamReader, msgId: string): Promise<void> {
  await expect.poll(() => statesOf(reader, msgId).at(-1)).toBe('delivered')
}

/** All changes so far are older than they are kept. */
async function grownOld(): Promise<void> {
  await database.query`update live_change set noted_at = noted_at - interval '6 minutes' where account_id = ${account.id}`
}

/** @returns how many changes are older than they are kept, and still there */
async function housekept(): Promise<number> {
  await worker.advance({ minutes: 10 })
  const rows = await database.query`
    select from live_change where account_id = ${account.id} and noted_at < clock_timestamp() - interval '5 minutes'`
  return rows.length
}

test('a delivery that another process records is told of, with ids, states and times and nothing of its payload', async () => {
  const reader = await live('delivery')
  const { id } = await api.message(account, { payload: { secret: 'canary-of-a-payload' } })
  await delivered(reader, id)
  const told = reader.changes('delivery.changed').filter(({ msgId }) => msgId === id)
  const { deliveryId, attemptId, at, ...rest } = told.at(-1)
  expect(rest).toEqual({
    msgId: id,
    eventType: 'test.happened',
    endpointId,
    state: 'delivered',
    attemptNumber: 1,
    responseStatusCode: 200,
    failureClass: null,
    nextAttempt: null,
  })
  expect(deliveryId).toMatch(/^[0-9a-f-]{36}$/)
  expect(attemptId).toMatch(/^atmpt_/)
  expect(new Date(at).toISOString()).toBe(at)
  expect(JSON.stringify(reader.messages)).not.toContain('canary')
})

test('changes of endpoints, tasks, jobs and runs are told of under their topics, and of no others', async () => {
  const sandbox = await api.account('sandbox')
  const reader = await live('endpoint,task,job,run', { of: sandbox, token: sandbox.key })
  const path = `/api/v1/app/${sandbox.id}`
  const endpoint = await api.endpoint(sandbox, receiver)
  const target = `${path}/endpoint/${endpoint.id}`
  const since = api.clock.now().toISOString()
  const task = await api.ok('POST', `${target}/recover`, { since }, { token: sandbox.key })
  const last = (event: string) => expect.poll(() => reader.changes(event).at(-1))
  await last('task.progress').toMatchObject({
    taskId: task.id,
    task: 'endpoint.recover',
    status: 'finished',
    paused: false,
  })
  await api.ok('PATCH', target, { disabled: true }, { token: sandbox.key })
  const token = await api.token(sandbox)
  const { job_id: jobId } = await api.ok('PUT', '/v1/accounts/subscriptions', ['912484758'], { token })
  await last('endpoint.changed').toMatchObject({ endpointId: endpoint.id, state: 'disabled', disabledReason: 'manual' })
  await last('job.progress').toMatchObject({ jobId, type: 'add', state: 'succeeded', processed: 1, distinct: 1 })
  expect(reader.of('delivery.changed')).toEqual([])
})

test('an issue is told of when it begins, and when somebody takes care of it', async () => {
  const own = await api.account()
  const endpoint = await api.endpoint(own, receiver)
  const reader = await live('issue', { of: own, token: own.key })
  receiver.answer(503)
  await api.message(own)
  const last = () => reader.changes('issue.changed').at(-1)
  await expect.poll(last).toMatchObject({ endpointId: endpoint.id, class: 'http_busy', state: 'open' })
  receiver.reset()
  const path = `/api/v1/app/${own.id}/issue/${last().issueId}`
  await api.ok('PATCH', path, { state: 'acknowledged' }, { token: own.key })
  await expect.poll(last).toMatchObject({ state: 'acknowledged' })
})

describe('nothing is lost and nothing is told twice', () => {
  test('over cuts, and a restart of the process that serves the stream', async () => {
    const own = await api.account()
    await api.endpoint(own, receiver)
    const ids: string[] = []
    const told: string[] = []
    let lastId: string | undefined
    let at = api
    for (let round = 0; round < 3; round += 1) {
      const reader = await live('delivery,endpoint', { of: own, token: own.key, lastId, at })
      ids.push((await at.message(own)).id)
      await delivered(reader, ids.at(-1) ?? '')
      ids.push((await at.message(own)).id) // told of before the cut, or after it
      await reader.cut()
      told.push(...reader.changes('delivery.changed').map(({ msgId, state }) => `${msgId} ${state}`))
      expect(reader.of('resync')).toEqual([])
      lastId = reader.lastId
      if (round === 1) at = await startApi()
    }
    const rest = await live('delivery', { of: own, token: own.key, lastId, at })
    await delivered(rest, ids.at(-1) ?? '')
    told.push(...rest.changes('delivery.changed').map(({ msgId, state }) => `${msgId} ${state}`))
    if (at !== api) await at.close()
    expect(new Set(told).size).toBe(told.length)
    expect(ids.filter((id) => !told.includes(`${id} delivered`))).toEqual([])
  })

  test('a change whose transaction commits after later ones is told of too', async () => {
    const reader = await live('task')
    const note = (subject: string) => `{"taskId": "${subject}", "at": "2026-03-06T15:00:00Z"}`
    await database.transaction(HELD_OPEN, async (late) => {
      await late.query`insert into live_change (account_id, topic, subject, change) values (${account.id}, 'task', 'late', ${note('late')}::jsonb)`
      await database.query`insert into live_change (account_id, topic, subject, change) values (${account.id}, 'task', 'early', ${note('early')}::jsonb)`
      await expect.poll(() => reader.changes('task.progress').map(({ taskId }) => taskId)).toEqual(['early'])
    })
    await expect.poll(() => reader.changes('task.progress').map(({ taskId }) => taskId)).toEqual(['early', 'late'])
  })

  test('who comes back after more than was kept is told to read anew', async () => {
    const reader = await live('delivery')
    const { id } = await api.message(account)
    await delivered(reader, id)
    await reader.cut()
    const before = await api.message(account)
    await receiver.until(() => receiver.requests.some(({ messageId }) => messageId === before.id))
    await worker.settled()
    await grownOld()
    await expect.poll(housekept).toBe(0) // not while another test has something open
    const back = await live('delivery', { lastId: reader.lastId })
    await expect.poll(() => back.of('resync')).toHaveLength(1)
    expect(back.of('resync')[0]?.data).toEqual({ topics: ['delivery'], reason: 'gap_too_old' })
    const after = await api.message(account)
    await delivered(back, after.id)
    expect(statesOf(back, before.id)).toEqual([])
  })

  test('what is old is kept while a transaction writes that began before it: who has read it goes on', async () => {
    const reader = await live('delivery')
    await database.transaction(HELD_OPEN, async (open) => {
      await open.query`select pg_current_xact_id()`
      const { id } = await api.message(account)
      await delivered(reader, id)
      await grownOld()
      expect(await housekept()).toBeGreaterThan(0)
      const after = await api.message(account)
      await delivered(reader, after.id)
      expect(reader.of('resync')).toEqual([])
    })
    await expect.poll(housekept).toBe(0)
    const untold = () => reader.of('resync').length
    const { id } = await api.message(account) // it still stands where that transaction was open: told, or to be read anew
    await expect.poll(() => untold() === 1 || statesOf(reader, id).at(-1) === 'delivered').toBe(true)
    await delivered(reader, (await api.message(account)).id)
    expect(untold()).toBeLessThan(2)
  })

  test('who says nonsense about where it stands is told so, too', async () => {
    const reader = await live('delivery', { lastId: "1'; drop" })
    await expect.poll(() => reader.of('resync')).toHaveLength(1)
  })
})

test('messages are at most four a second, with each delivery once and as it stands then', async () => {
  const startedAt = performance.now()
  const reader = await live('delivery,endpoint')
  for (let round = 0; round < 10; round += 1) {
    await api.messages(
      account,
      Array.from({ length: 10 }, () => ({})),
    )
    await api.ok('PATCH', `/api/v1/app/${account.id}/endpoint/${endpointId}`, { description: `round ${round}` })
  }
  const { id } = await api.message(account)
  await delivered(reader, id)
  const elapsedMs = performance.now() - startedAt
  expect((reader.messages.length - 1) * 250).toBeLessThanOrEqual(elapsedMs)
  for (const { data } of reader.of('delivery.changed')) {
    const subjects = data.changes.map(({ deliveryId }: { deliveryId: string }) => deliveryId)
    expect(new Set(subjects).size).toBe(subjects.length)
  }
})

test('a comment comes every 15 seconds', async () => {
  const reader = await live('run')
  await expect.poll(() => reader.comments).toBe(1) // with the headers
  await api.advance({ seconds: 15 })
  await expect.poll(() => reader.comments).toBe(2)
})

describe('who may listen', () => {
  test('a stream ends within 5 s of the revocation of its token, with a bye', async () => {
    const own = await api.account() // nothing of an earlier test is told here
    const token = await appToken(own, { sessionId: 'gone' })
    const reader = await live('delivery', { of: own, token })
    const other = await live('delivery', { of: own, token: own.key })
    await api.ok('POST', `/api/v1/auth/app/${own.id}/expire-all`, { sessionIds: ['gone'] })
    await api.advance({ seconds: 5 })
    await expect.poll(() => reader.ended).toBe(true)
    expect(reader.messages.map(({ event, data }) => [event, data])).toEqual([['bye', { reason: 'session_ended' }]])
    expect(other.ended).toBe(false)
  })

  test('nobody hears of what is another account’s', async () => {
    const foreign = await api.account()
    const token = await appToken(foreign, {})
    expect((await live('delivery', { token })).status).toBe(404)
    const reader = await live('delivery', { of: foreign, token })
    const own = await live('delivery')
    const { id } = await api.message(account)
    await delivered(own, id)
    expect(reader.messages).toEqual([])
  })

  test.each(['', '?topics=', '?topics=payload'])('topics are named, from those there are: %s', async (query) => {
    const answer = await api.call('GET', `/api/v1/app/${account.id}/live${query}`)
    expect([answer.status, answer.body.detail?.[0]?.loc?.slice(0, 2)]).toEqual([422, ['query', 'topics']])
  })

  test('an account has at most 50 streams at once', async () => {
    const own = await api.account()
    const readers = await Promise.all(Array.from({ length: 51 }, () => live('run', { of: own, token: own.key })))
    expect(readers.filter(({ status }) => status === 429)).toHaveLength(1)
    await Promise.all(readers.map((reader) => reader.cut()))
  })
})

async function appToken(of: TestAccount, body: object): Promise<string> {
  const { token } = await api.ok('POST', `/api/v1/auth/app-portal-access/${of.id}`, body, { token: of.key })
  return token
}
