import { expect, test } from 'vitest'
import type { Account } from '#src/accounts/principal.ts'
import type { Npn } from '#src/population/npn.ts'
import { parseNpn } from '#src/population/npn.ts'
import { ManualClock } from '../../test/manual-clock.ts'
import { LoadWatch } from './load-watch.ts'

const never = new AbortController().signal

test('each account is asked about all of its awaited NPNs at once, and again when asking fails', async () => {
  const asked: string[] = []
  let failures = 2
  const watch = new LoadWatch(new ManualClock(), async ({ id }, npns) => {
    if (failures-- > 0) throw new Error('the database is away')
    asked.push(`${id} ${npns.join(' ')}`)
    return [...npns]
  })
  const [one, other] = [account('app_1'), account('app_2')]
  await Promise.all([
    watch.wait({ account: one, npn: npn('1') }, never),
    watch.wait({ account: one, npn: npn('2') }, never),
    watch.wait({ account: one, npn: npn('1') }, never),
    watch.wait({ account: other, npn: npn('1') }, never),
  ])
  expect(asked.sort()).toEqual(['app_1 1 2', 'app_2 1'])
})

test('at most 1,000 wait; whoever comes later, or to a closed one, does not', async () => {
  const clock = new ManualClock()
  const watch = new LoadWatch(clock, async () => [])
  const waits = Array.from({ length: 1_000 }, () => watch.wait({ account: account('app_1'), npn: npn('1') }, never))
  await watch.wait({ account: account('app_2'), npn: npn('1') }, never)
  expect(clock.alarms).toBe(1_000)
  watch.close()
  await Promise.all(waits)
  expect(clock.alarms).toBe(0)
  await watch.wait({ account: account('app_2'), npn: npn('1') }, never)
})

function npn(text: string): Npn {
  const parsed = parseNpn(text)
  if (!parsed) throw new Error(`${text} is no NPN`)
  return parsed
}

function account(id: string): Account {
  return {
    id,
    environment: 'sandbox',
    uid: null,
    name: 'Test',
    throttleRate: null,
    metadata: {},
    populationMax: 10,
    autoSubscribe: true,
    createdAt: new Date(0),
    updatedAt: new Date(0),
  }
}
