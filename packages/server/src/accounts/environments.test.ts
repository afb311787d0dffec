import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { IdSource } from '#src/adapters/ids.ts'
import type { Database } from '#src/adapters/postgres/database.ts'
import { DomainError } from '#src/domain-error.ts'
import { ManualClock } from '../../test/manual-clock.ts'
import { type TestDatabase, testDatabase } from '../../test/postgres.ts'
import { DataKeys, sealingKey } from './encryption.ts'
import { parseChange, type SettingChange, settingNames, shown, toSettings } from './environment-settings.ts'
import { changeSettings, Environments, readEnvironment } from './environments.ts'
import { firstStart } from './first-start.ts'
import { visibleTo } from './principal.ts'

const master = sealingKey(randomBytes(32))
describe('settings of an environment (webhook-api 15)', () => {
  test('the defaults are those of the specification', () => {
    assert.deepEqual(toSettings({}), {
      testRequestOnSave: true,
      httpsOnly: true,
      endpointsMax: 100,
      messageRetentionDays: 90,
      messageBytesMax: 262_144,
      disableFailingEndpoints: true,
      disableAfterDays: 5,
      retrySchedule: [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400],
      timeoutMs: 5_000,
      maxConcurrency: 20,
      enforceSchemas: false,
    })
  })

  test.each([
    ['testRequestOnSave=false', false],
    ['httpsOnly=false', false],
    ['messageRetentionDays=30', 30],
    ['messageRetentionDays=365', 365],
    ['messageBytesMax=1048576', 1_048_576],
    ['retrySchedule=5, 300', [5, 300]],
    ['retrySchedule=none', []],
    ['timeoutMs=default', null],
  ])('%s is read', (text, value) => {
    const change = parseChange(text, 'sandbox')
    assert.deepEqual(change.value, value)
  })

  test.each([
    'httpsOnly',
    'httpsonly=false',
    '__proto__=1',
    'testRequestOnSave=yes',
    'messageRetentionDays=29',
    'messageRetentionDays=366',
    'messageBytesMax=1048577',
    'endpointsMax=1e3',
    'timeoutMs=999',
    'maxConcurrency=257',
    'disableAfterDays=-5',
    'retrySchedule=0',
    'retrySchedule=5,,300',
    'retrySchedule=86401',
    `retrySchedule=${Array(25).fill('1').join()}`,
    `retrySchedule=${Array(9).fill('86400').join()}`,
  ])('%s is refused, naming the setting', (text) => {
    assert.throws(
      () => parseChange(text, 'sandbox'),
      (error) =>
        error instanceof DomainError &&
        error.code === 'invalid_input' &&
        error.message.startsWith(text.split('=')[0] ?? ''),
    )
  })

  test('production is https only', () => {
    assert.throws(() => parseChange('httpsOnly=false', 'production'), DomainError)
  })

  test('each setting shows as it is typed', () => {
    for (const name of settingNames) {
      const value = toSettings({})[name]
      assert.deepEqual(parseChange(`${name}=${shown(value)}`, 'production'), { name, value })
    }
  })
})

describe('environments in the database', () => {
  const clock = new ManualClock()
  let db: TestDatabase
  let api: Database

  beforeAll(async () => {
    db = await testDatabase()
    api = db.open('api')
    const parts = {
      clock,
      ids: new IdSource(clock),
      dataKeys: new DataKeys(master),
      preload: async () => {},
    }
    await firstStart(api, master, parts)
  })
  afterAll(async () => await db.close())

  async function change(environment: 'sandbox' | 'production', ...changes: SettingChange[]) {
    return await api.transaction({ settings: visibleTo(environment) }, (tx) => changeSettings(tx, environment, changes))
  }

  test('a change holds in every process within 5 s, for its environment alone, until it is set back', async () => {
    const processes = [1, 2].map(() => {
      const database = db.open('worker')
      return new Environments((environment) => readEnvironment(database, environment), clock)
    })
    for (const environments of processes) assert.equal((await environments.settings('sandbox')).timeoutMs, 5_000)
    const after = await change(
      'sandbox',
      parseChange('timeoutMs=9000', 'sandbox'),
      parseChange('retrySchedule=none', 'sandbox'),
    )
    assert.deepEqual([after.timeoutMs, after.retrySchedule], [9_000, []])
    clock.advanceMs(2_000)
    for (const environments of processes) {
      assert.equal((await environments.settings('sandbox')).timeoutMs, 9_000)
      assert.equal((await environments.settings('production')).timeoutMs, 5_000)
      assert.match((await environments.of('sandbox')).id, /^org_/)
    }
    await change('sandbox', parseChange('timeoutMs=default', 'sandbox'))
    clock.advanceMs(2_000)
    for (const environments of processes) {
      assert.equal((await environments.settings('sandbox')).timeoutMs, 5_000)
      assert.deepEqual((await environments.settings('sandbox')).retrySchedule, [])
    }
  })
})
