import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Account } from '#src/accounts/principal.ts'
import { type Json, TestWorld } from '../../test/endpoint-world.ts'
import { readTargets, type Target } from './target.ts'

const url = 'https://receiver.northwind.com/hook'

let world: TestWorld

beforeAll(async () => {
  world = await TestWorld.start()
})
afterAll(async () => await world.close())

async function create(account: Account, body: object = {}): Promise<Json> {
  const answer = await world.call('POST', `/app/${account.id}/endpoint`, {
    body: { url, ...body },
    token: account.environment,
  })
  expect(answer.status, answer.text).toBe(201)
  return answer.body
}

async function read(...of: [Account, Json][]): Promise<Target[]> {
  const keys = of.map(([account, endpoint]) => ({ accountId: account.id, endpointId: endpoint.id }))
  const targets = await readTargets(world.worker, keys, world.dataKeys, world.clock.now())
  return keys.flatMap(({ accountId, endpointId }) =>
    targets.filter((target) => target.accountId === accountId && target.endpointId === endpointId),
  )
}

test('an endpoint that says nothing gets what the environment and the account say', async () => {
  const account = await world.account({ throttleRate: 7 })
  const [target] = await read([account, await create(account)])
  expect(target).toMatchObject({
    accountId: account.id,
    environment: 'production',
    url,
    disabled: false,
    deletedAt: null,
    canceledBefore: null,
    provenAt: null,
    failureClock: { failingSince: null, failures: 0, lastAttemptAt: null },
    failurePolicy: { disableFailing: true, disableAfterDays: 5 },
    throttleRate: 7,
    timeoutMs: 5000,
    retrySchedule: [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400],
    maxConcurrency: 20,
    ordering: 'none',
    headers: new Map(),
    secrets: [{ secret: expect.stringMatching(/^whsec_/), signsUntil: null }],
  })
})

test('an environment’s settings reach endpoints that say nothing, and no other environment', async () => {
  const [account, sandboxed] = [await world.account(), await world.account({ environment: 'sandbox' })]
  const endpoints: [Account, Json][] = [
    [account, await create(account)],
    [account, await create(account, { timeoutMs: 9000, retrySchedule: [], maxConcurrency: 2, throttleRate: 3 })],
    [sandboxed, await create(sandboxed)],
  ]
  const settings = {
    timeoutMs: 2000,
    retrySchedule: [1, 2],
    maxConcurrency: 5,
    disableFailingEndpoints: false,
    disableAfterDays: 9,
  }
  await world.setting('production', settings)
  const [open, own, other] = await read(...endpoints)
  expect(open).toMatchObject({
    timeoutMs: 2000,
    retrySchedule: [1, 2],
    maxConcurrency: 5,
    throttleRate: null,
    failurePolicy: { disableFailing: false, disableAfterDays: 9 },
  })
  expect(own).toMatchObject({ timeoutMs: 9000, retrySchedule: [], maxConcurrency: 2, throttleRate: 3 })
  expect(other).toMatchObject({ timeoutMs: 5000, maxConcurrency: 20, environment: 'sandbox' })
  const shown = await world.call('GET', `/app/${account.id}/endpoint/${open?.endpointId}`)
  expect(shown.body).toMatchObject({ timeoutMs: 2000, retrySchedule: null, maxConcurrency: null })
  await world.setting('production', {})
})

test('fifo is one at a time, whatever the environment says', async () => {
  const account = await world.account()
  const [target] = await read([account, await create(account, { ordering: 'fifo' })])
  expect(target).toMatchObject({ ordering: 'fifo', maxConcurrency: 1 })
})

test('a deleted endpoint is still read, without secrets and headers; one that never was is missing', async () => {
  const account = await world.account()
  const endpoint = await create(account, { headers: { 'x-a': '1' } })
  await world.call('DELETE', `/app/${account.id}/endpoint/${endpoint.id}`)
  const never = { id: `ep_${'0'.repeat(27)}` }
  const other = await world.account()
  expect(await read([account, endpoint], [account, never], [other, endpoint])).toMatchObject([
    { deletedAt: world.clock.now(), canceledBefore: world.clock.now(), secrets: [], headers: new Map() },
  ])
})

test('many endpoints of many accounts are one statement', async () => {
  const wanted: [Account, Json][] = []
  for (let n = 0; n < 5; n += 1) {
    const account = await world.account()
    for (let m = 0; m < 3; m += 1) wanted.push([account, await create(account, { headers: { 'x-n': `${n}.${m}` } })])
  }
  let statements = 0
  const worker: typeof world.worker = Object.create(world.worker, {
    query: {
      value: (...statement: Parameters<typeof world.worker.query>) => {
        statements += 1
        return world.worker.query(...statement)
      },
    },
  })
  const keys = wanted.map(([account, endpoint]) => ({ accountId: account.id, endpointId: endpoint.id }))
  const targets = await readTargets(worker, keys, world.dataKeys, world.clock.now())
  expect(statements).toBe(1)
  expect(new Set(targets.map((target) => target.endpointId))).toEqual(new Set(keys.map((key) => key.endpointId)))
  expect(new Set(targets.map((target) => target.headers.get('x-n'))).size).toBe(15)
  expect(await readTargets(worker, [], world.dataKeys, world.clock.now())).toEqual([])
})

test('what is sealed is opened again when the endpoint has changed, and not before; what changes without its version is read all the same', async () => {
  const account = await world.account()
  const endpoint = await create(account, { headers: { 'x-a': '1' } })
  const [known] = await read([account, endpoint])
  let opened = 0
  const dataKeys = {
    of: (...of: Parameters<typeof world.dataKeys.of>) => {
      opened += 1
      return world.dataKeys.of(...of)
    },
  }
  async function readAgain() {
    const key = { accountId: account.id, endpointId: endpoint.id, target: known }
    const [target] = await readTargets(world.worker, [key], dataKeys, world.clock.now())
    return target
  }
  await world.setting('production', { timeoutMs: 2000 })
  const same = await readAgain()
  expect(same).toEqual({ ...known, timeoutMs: 2000 })
  expect(opened).toBe(0)
  await world.setting('production', {})
  const rotated = await world.call('POST', `/app/${account.id}/endpoint/${endpoint.id}/secret/rotate`, { body: {} })
  expect(rotated.status, rotated.text).toBe(204)
  const changed = await readAgain()
  expect(changed?.secrets).toMatchObject([{ signsUntil: null }, { secret: known?.secrets[0]?.secret }])
  expect(changed?.headers).toEqual(new Map([['x-a', '1']]))
  expect(opened).toBe(1)
})
