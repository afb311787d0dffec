import { describe, expect, test } from 'vitest'
import { ConfigError, loadConfig, printConfig } from './config.ts'

const database = { DATABASE_URL: 'postgresql://psapi:hush@db/producersync', MASTER_KEY_FILE: '/run/key' }

function faultsOf(environment: Record<string, string>): readonly string[] {
  try {
    loadConfig(environment)
  } catch (error) {
    if (error instanceof ConfigError) return error.faults
    throw error
  }
  return []
}

describe('loadConfig', () => {
  test('without any variable it is all roles on the embedded database, on loopback, with the listener allowed', () => {
    const config = loadConfig({})
    expect(config).toMatchObject({
      database: null,
      host: '127.0.0.1',
      port: 8080,
      portIsFixed: false,
      adminPort: 8081,
      loopbackReceivers: ['127.0.0.1:3000'],
      masterKeyIsOurs: true,
    })
    expect([...config.roles]).toEqual(['api', 'worker', 'updates', 'portal'])
  })

  test('with DATABASE_URL no receiver on loopback is allowed, and ports are fixed', () => {
    expect(loadConfig(database)).toMatchObject({ loopbackReceivers: [], portIsFixed: true, host: '0.0.0.0' })
  })

  test('names every bad variable at once, and what it should be', () => {
    const faults = faultsOf({
      PORT: 'eighty',
      ROLES: 'api,wroker',
      DATABASE_URL: 'mysql://db',
      LOOPBACK_RECEIVERS: '127.0.0.0/8:3000',
      PSAPI_SERVER_REFUSED_RANGES: '10.0.0.0',
      PSAPI_SERVER_LOG_LEVEL: 'loud',
    })
    expect(faults.map((fault) => fault.split(':')[0]).sort()).toEqual([
      'DATABASE_URL',
      'LOOPBACK_RECEIVERS',
      'PORT',
      'PSAPI_SERVER_LOG_LEVEL',
      'PSAPI_SERVER_REFUSED_RANGES',
      'ROLES',
    ])
  })

  test('NIPR needs all of its settings, and no receiver on loopback is allowed beside it', () => {
    const nipr = {
      NIPR_FEED: 'nipr',
      NIPR_ALERTS_URL: 'https://alerts.example',
      NIPR_DETAILS_URL: 'https://details.example',
      NIPR_USER: 'user',
      NIPR_PASSWORD: 'hush',
      NIPR_SUBSCRIPTION_PREFIX: 'northwind',
      NIPR_EMAIL: 'ops@example.com',
    }
    expect(loadConfig(nipr)).toMatchObject({ feed: { kind: 'nipr' }, loopbackReceivers: [] })
    expect(faultsOf({ ...nipr, LOOPBACK_RECEIVERS: '127.0.0.1:3000' })).toEqual([
      'LOOPBACK_RECEIVERS: for development, not with NIPR_FEED=nipr',
    ])
    const { NIPR_USER: _user, ...without } = nipr
    expect(faultsOf(without)).toEqual(['NIPR_USER: needed with NIPR_FEED=nipr'])
    expect(printConfig(nipr)).not.toContain('hush')
    expect(loadConfig({ NIPR_FEED: 'simulator', NIPR_RUN_AT: '09:30', NIPR_HOLIDAYS: '2026-12-25' })).toMatchObject({
      feed: { kind: 'simulator', seed: 'production' },
      calendar: { runAt: 570, signalDueAt: 645, holidays: ['2026-12-25'] },
      renewalRules: {},
    })
    expect(loadConfig({ NIPR_SIGNAL_DUE_AT: '12:00', NIPR_RENEWAL_RULES: 'CO=30' })).toMatchObject({
      calendar: { runAt: 615, signalDueAt: 720 },
      renewalRules: { CO: { lateRenewalDays: 30, reinstatementDays: 0 } },
    })
    expect(faultsOf({ NIPR_SIGNAL_DUE_AT: '10:15' })).toEqual(['NIPR_SIGNAL_DUE_AT: must be later than NIPR_RUN_AT'])
    expect(faultsOf({ NIPR_RENEWAL_RULES: 'Colorado=30' })).toHaveLength(1)
    expect(faultsOf({ NIPR_FEED: 'nope', NIPR_RUN_AT: '25:00', NIPR_HOLIDAYS: '2026-02-30' })).toHaveLength(3)
  })

  test('an unknown variable with our prefix is a fault that names the nearest', () => {
    expect(faultsOf({ PSAPI_SERVER_LOGLEVEL: 'info' })).toEqual([
      'PSAPI_SERVER_LOGLEVEL: no such setting; the nearest is PSAPI_SERVER_LOG_LEVEL',
    ])
  })

  test.each([
    ['127.0.0.1:3000', true],
    ['[::1]:3000,127.0.0.1:4000', true],
    ['127.0.0.1', false],
    ['127.0.0.1:0', false],
    ['127.0.0.1:65536', false],
    ['localhost:3000', false],
  ])('LOOPBACK_RECEIVERS=%s: %s', (value, isGood) => {
    expect(faultsOf({ LOOPBACK_RECEIVERS: value }).length === 0).toBe(isGood)
  })

  test('a database of its own needs the master key named, and logins of single roles need DATABASE_URL', () => {
    expect(faultsOf({ DATABASE_URL: database.DATABASE_URL })[0]).toMatch(/^MASTER_KEY_FILE/)
    expect(faultsOf({ DATABASE_URL_API: database.DATABASE_URL })).toEqual(['DATABASE_URL_API: needs DATABASE_URL too'])
  })

  test('certificates cannot be left unverified', () => {
    expect(faultsOf({ NODE_TLS_REJECT_UNAUTHORIZED: '0' })[0]).toMatch(/^NODE_TLS_REJECT_UNAUTHORIZED/)
  })
})

test('printConfig shows every setting with its origin, and no secret', () => {
  const text = printConfig({ ...database, PORT: '9000' })
  expect(text).not.toContain('hush')
  expect(text).toContain('DATABASE_URL=(set, not shown)  # environment')
  expect(text).toMatch(/^PORT=9000 {2}# environment/m)
  expect(text).toMatch(/^ROLES=api,worker,updates,portal {2}# default/m)
})
