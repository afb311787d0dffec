import { afterAll, beforeAll, expect, test } from 'vitest'
import { DatabaseClock } from '#src/adapters/clock.ts'
import type { Database } from '#src/adapters/postgres/database.ts'
import { ControlRefused, SimulatorControl } from '#src/simulator/simulator-control.ts'
import { startSimulator } from '#src/simulator/simulator-process.ts'
import { type TestDatabase, testDatabase } from '../../test/postgres.ts'
import { forever, npn } from '../../test/simulated-nipr.ts'
import type { Feed } from './feed-store.ts'
import { parseLocalDate } from './local-date.ts'
import { Simulators } from './simulators.ts'

let testing: TestDatabase
let database: Database
let simulators: Simulators
let control: SimulatorControl
beforeAll(async () => {
  testing = await testDatabase()
  database = testing.open('updates')
  simulators = new Simulators({
    database,
    clock: new DatabaseClock(),
    stopped: false,
    define: ({ seed }) => ({ seed }),
    feedsMax: 2,
    start: async () => {
      const simulator = await startSimulator()
      control = new SimulatorControl(simulator.url, simulator.controlToken)
      return simulator
    },
  })
})
afterAll(async () => {
  await control.close()
  await simulators.close()
  await testing.close()
})

const day = parseLocalDate('2026-03-06')
if (day === undefined) throw new Error('no day')
const feed = (id: string): Feed => ({
  id,
  environment: 'sandbox',
  kind: 'simulator',
  seed: id,
  clockAheadMs: 0,
  owedFrom: day,
  cleanedOn: day,
  lostDays: [],
})

async function isKnown(feedId: string): Promise<boolean> {
  try {
    await control.now(feedId)
    return true
  } catch (error) {
    if (error instanceof ControlRefused && error.status === 404) return false
    throw error
  }
}

test('a feed that others have made room for is freed by the simulator too, and told to it again when it is next needed', async () => {
  for (const id of ['first', 'second', 'first', 'third']) await simulators.connect(feed(id), 'load')
  await expect.poll(() => isKnown('second')).toBe(false)
  expect([await isKnown('first'), await isKnown('third')]).toEqual([true, true])
  const again = await simulators.connect(feed('second'), 'load')
  expect(await again.detail(npn('15645555'), forever())).toMatchObject({ kind: 'report' })
  await expect.poll(() => isKnown('first')).toBe(false)
})

test('feeds that take turns all day are answered, however few of them the simulator keeps', async () => {
  const ids = ['first', 'second', 'third', 'fourth', 'fifth']
  await Promise.all(ids.flatMap((id) => [id, id]).map((id) => simulators.connect(feed(id), 'load')))
  for (const id of [...ids, ...ids]) {
    const nipr = await simulators.connect(feed(id), 'run')
    expect(await nipr.detail(npn('15645555'), forever())).toMatchObject({ kind: 'report' })
  }
})
