import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { IdSource } from '#src/adapters/ids.ts'
import { type Database, DatabaseUnavailable } from '#src/adapters/postgres/database.ts'
import { ManualClock } from '../../test/manual-clock.ts'
import { type TestDatabase, testDatabase } from '../../test/postgres.ts'
import { TaskRunner } from './runner.ts'
import { addTask, readTask } from './store.ts'
import type { Task, TaskStep, TaskWork } from './task.ts'

const log = pino({ level: 'silent' })
const clock = new ManualClock()
const ids = new IdSource(clock)
let database: TestDatabase
let worker: Database
let owner: Database

beforeAll(async () => {
  database = await testDatabase()
  worker = database.open('worker')
  owner = database.open('migrate')
  await owner.query`insert into environment (name, id, created_at) values ('production', 'org_1', ${clock.now()})`
})
afterAll(() => database.close())
afterEach(() => owner.query`delete from task`)

function runnerOf(work: TaskWork): TaskRunner {
  const parts = { database: worker, clock, ids, works: { 'application.stats': work }, wakeLanes: () => {}, log }
  return new TaskRunner({ ...parts, leaseMs: 60_000 })
}

/** A step that counts, and ends the task at `steps`. */
function counting(steps: number): TaskWork {
  return async (_tx, task) => {
    const count = Number(task.data.count ?? 0) + 1
    return step(task, { data: { count }, next: { kind: count === steps ? 'finished' : 'now' } })
  }
}

function step(task: Task, made: Partial<TaskStep>): TaskStep {
  const { position, pacedUntil, data } = task
  return { position, pacedUntil, data, next: { kind: 'now' }, lanes: [], ...made }
}

async function started(accountId = 'app_1'): Promise<string> {
  const task = { id: `qtask_${ids.next().ksuid}`, environment: 'production', accountId, endpointId: null } as const
  await addTask(owner, { ...task, kind: 'application.stats', parameters: {}, data: {} }, clock.now())
  return task.id
}

/** As if the time of every lease had passed. */
async function passLeases(): Promise<void> {
  await owner.query`update task set lease_until = null`
}

async function run(runner: TaskRunner): Promise<void> {
  runner.wake()
  await runner.settled()
}

async function read(id: string): Promise<Task | undefined> {
  return await readTask(owner, id, '')
}

test('tasks are worked on to their ends, of one account the older first', async () => {
  const ended: string[] = []
  const runner = runnerOf(async (tx, task, now) => {
    const made = await counting(3)(tx, task, now)
    if (made.next.kind === 'finished') ended.push(task.id)
    return made
  })
  const own = [await started(), await started(), await started()]
  const other = await started('app_2')
  await run(runner)
  expect(ended.filter((id) => id !== other)).toEqual(own)
  expect(ended).toContain(other)
  expect(await read(own[2] ?? '')).toMatchObject({ status: 'finished', data: { count: 3 } })
  await runner.close()
})

test('a task that waits goes on when the clock says so, and not before', async () => {
  const id = await started()
  const at = new Date(clock.now().getTime() + 5_000)
  const runner = runnerOf(async (tx, task, now) => {
    return now < at ? step(task, { next: { kind: 'later', at } }) : await counting(1)(tx, task, now)
  })
  await run(runner)
  clock.advanceMs(4_999)
  await runner.settled()
  expect(await read(id)).toMatchObject({ status: 'running' })
  clock.advanceMs(1)
  await runner.settled()
  expect(await read(id)).toMatchObject({ status: 'finished' })
  await runner.close()
})

test('a runner that closes leaves its tasks to others at once', async () => {
  const id = await started()
  const at = new Date(clock.now().getTime() + 60_000)
  const waiting = runnerOf(async (_tx, task) => step(task, { data: { seen: true }, next: { kind: 'later', at } }))
  await run(waiting)
  await waiting.close()
  const next = runnerOf(counting(1))
  await run(next)
  expect(await read(id)).toMatchObject({ status: 'finished' })
  await next.close()
})

test('a step that fails leaves no trace and is tried again once its lease has passed', async () => {
  const id = await started()
  let failing = true
  const runner = runnerOf(async (tx, task, now) => {
    await tx.query`update task set data = '{"count": 100}' where id = ${task.id}`
    if (failing) throw new Error('broken')
    return await counting(1)(tx, task, now)
  })
  await run(runner)
  expect(await read(id)).toMatchObject({ status: 'running', data: {} })
  failing = false
  await run(runner) // leased still: nobody tries
  expect(await read(id)).toMatchObject({ status: 'running' })
  await passLeases()
  await run(runner)
  expect(await read(id)).toMatchObject({ status: 'finished', data: { count: 1 } })
  await runner.close()
})

test('a defect ends its task after an hour, so that the account’s next one has its turn; a database that is away does not', async () => {
  const [broken, next] = [await started(), await started()]
  let error: Error = new DatabaseUnavailable('unreachable')
  const runner = runnerOf(async (tx, task, now) => {
    if (task.id === broken) throw error
    return await counting(1)(tx, task, now)
  })
  const tryAgain = async () => {
    await passLeases()
    await run(runner)
  }
  clock.advanceMs(3_600_000)
  await tryAgain()
  expect(await read(broken)).toMatchObject({ status: 'running' })
  error = new Error('broken')
  await tryAgain()
  expect(await read(broken)).toMatchObject({ status: 'failed', data: { error: 'stalled' } })
  await tryAgain()
  expect(await read(next)).toMatchObject({ status: 'finished' })
  await runner.close()
})
