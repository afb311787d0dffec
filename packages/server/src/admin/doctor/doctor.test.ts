import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, createServer as createTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createServer as createTlsServer,
  getCACertificates,
  setDefaultCACertificates,
  type Server as TlsServer,
} from 'node:tls'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addMs } from '#src/adapters/clock.ts'
import { sqlText } from '#src/adapters/postgres/sql.ts'
import { runAdmin } from '#src/admin.ts'
import { loadConfig } from '#src/config.ts'
import { ManualClock } from '../../../test/manual-clock.ts'
import { type Receiver, startReceiver } from '../../../test/receiver.ts'
import { authority, expired, trusted } from '../../../test/receiver-zoo-certificates.ts'
import { TestService } from '../../../test/service.ts'
import { skewVerdict } from './database.ts'
import type { Finding } from './finding.ts'
import { addressPolicy, certificateVerdict } from './network.ts'
import { workersVerdict } from './work.ts'

const ROOT = fileURLToPath(new URL('../../../../../', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'doctor-test-'))
const masterKeyFile = join(folder, 'master-key')
let service: TestService
let internet: Server
let reach: string
let receiver: Receiver

beforeAll(async () => {
  internet = createServer().listen(0, '127.0.0.1')
  await once(internet, 'listening')
  reach = `http://127.0.0.1:${(internet.address() as AddressInfo).port}/`
  // the database's time is the real one
  receiver = await startReceiver({ replies: [200, 503] })
  const clock = new ManualClock(new Date().toISOString())
  service = await TestService.start({ clock, receivers: [receiver] })
  writeFileSync(masterKeyFile, service.masterKey.toString('base64'), { mode: 0o600 })
  await service.account()
})
afterAll(async () => {
  await service.close()
  await receiver.close()
  internet.close()
  rmSync(folder, { recursive: true })
})

type Report = { ok: boolean; failed: number; warnings: number; findings: Finding[] }

/** Runs a command of the operator's on the service's database. `report`: the JSON that it prints */
async function command(args: string[], variables: Record<string, string> = {}) {
  const results: string[] = []
  const messages: string[] = []
  const { connection } = service.database
  if (!('socketDir' in connection)) throw new Error('the test database is reached by a socket')
  const { socketDir, port, database, user } = connection
  const url = `postgresql://${user}@localhost:${port}/${database}?host=${encodeURIComponent(socketDir)}`
  const code = await runAdmin(
    args,
    { DATABASE_URL: url, MASTER_KEY_FILE: masterKeyFile, ROLES: 'worker', ...variables },
    { result: (text) => void results.push(text), message: (text) => void messages.push(text) },
  )
  return { code, report: JSON.parse(results.join('\n')), messages }
}

async function examine(variables: Record<string, string> = {}, ...args: string[]) {
  const ran = await command(['doctor', '--reach', reach, '--json', ...args], variables)
  const report: Report = ran.report
  const of = (check: string) => report.findings.find((finding) => finding.check === check)
  return { ...ran, report, of }
}

test('all that can be looked at is, each with what to do and where it is written; a failure is exit code 1', async () => {
  const { code, report, messages } = await examine()
  const states = Object.fromEntries(report.findings.map(({ check, state }) => [check, state]))
  expect(states).toEqual({
    settings: 'ok',
    node: 'ok',
    'master-key': 'ok',
    disk: 'skipped',
    pages: 'skipped',
    database: 'ok',
    roles: 'ok',
    schema: 'ok',
    durability: 'failed', // the server of the tests runs without fsync
    'row-security': 'ok',
    secrets: 'ok',
    partitions: 'ok',
    connections: 'ok',
    clock: 'ok',
    workers: 'ok',
    backlog: 'ok',
    jobs: 'ok',
    'daily-run': 'skipped',
    'address-policy': 'ok',
    names: 'skipped',
    outgoing: 'ok',
    certificate: 'skipped',
    feed: 'skipped',
    mail: 'skipped',
  })
  expect([code, report.ok, report.failed, messages]).toEqual([1, false, 1, ['1 of 24 checks failed.']])
  for (const { page, ...finding } of report.findings) {
    const [path = '', anchor] = page.split('#')
    expect(existsSync(`${ROOT}${path}`), page).toBe(true)
    const titles = readFileSync(`${ROOT}${path}`, 'utf8').match(/^## .+$/gm) ?? []
    if (anchor) expect(titles.map((title) => title.slice(3).toLowerCase())).toContain(anchor)
    if (finding.state === 'failed') expect(finding.remedy).toMatch(/\w/)
  }
})

describe('what is broken is found, and found mended', () => {
  const owner = () => service.database.open('migrate')
  test('a table that is open to other accounts', async () => {
    await owner().query`alter table endpoint no force row level security`
    const { of } = await examine()
    await owner().query`alter table endpoint force row level security`
    expect(of('row-security')).toMatchObject({
      state: 'failed',
      text: 'Row level security is off for endpoint.',
      remedy: expect.stringContaining('alter table endpoint enable row level security'),
    })
    expect((await examine()).of('row-security')?.state).toBe('ok')
  })

  test('partitions that end, before they have ended', async () => {
    const day = (days: number) =>
      addMs(service.clock.now(), days * 86_400_000)
        .toISOString()
        .slice(0, 10)
        .replaceAll('-', '')
    const drop = (days: number) => owner().run(sqlText(`drop table attempt_${day(days)}`))
    for (const days of [7, 6, 5]) await drop(days)
    expect((await examine()).of('partitions')).toMatchObject({ state: 'warning', text: expect.stringMatching(/4 day/) })
    for (const days of [4, 3, 2, 1]) await drop(days)
    expect((await examine()).of('partitions')?.state).toBe('failed')
    await service.database.open('worker').query`select make_partitions(current_date, current_date + 7)`
    expect((await examine()).of('partitions')?.state).toBe('ok')
  })

  test('deliveries that should have been attempted long ago', async () => {
    const account = await service.account()
    await service.endpoint(account, receiver)
    await service.ok(
      'POST',
      `/api/v1/app/${account.id}/msg`,
      { eventType: 'producersync.updates_available', payload: {} },
      { token: account.key },
    )
    await service.settled()
    await service.app.worker?.close() // it would see what has become due
    const wait = (minutes: number) =>
      owner().query`update pending set due_at = clock_timestamp() - ${minutes} * interval '1 minute'`
    await wait(2)
    expect((await examine()).of('backlog')).toMatchObject({ state: 'warning' })
    await wait(11)
    expect((await examine()).of('backlog')).toMatchObject({ state: 'failed' })
    await wait(-60)
    expect((await examine()).of('backlog')).toMatchObject({ state: 'ok' })
  })

  test('a delivery that waits where nobody is', () => {
    const shards = { total: 256, owned: 200, careful: 0 }
    expect(workersVerdict({ workers: [], shards }, true)).toMatchObject({ state: 'failed' })
    expect(workersVerdict({ workers: [], shards }, false)).toMatchObject({ state: 'warning' })
    expect(workersVerdict({ workers: [], shards: { ...shards, owned: 256 } }, true).state).toBe('ok')
  })

  test('a schema that lacks a migration, and one that has more; what rests on it is not looked at', async () => {
    await owner().query`insert into schema_migration (number, name, sha256) values (999, '999-later.sql', 'x')`
    const newer = await examine()
    await owner().query`delete from schema_migration where number = 999`
    expect(newer.of('schema')).toMatchObject({ state: 'failed', text: expect.stringContaining('999-later.sql') })
    expect(newer.of('secrets')?.state).toBe('skipped')
    expect(newer.code).toBe(1)
  })
})

describe('what is set wrong is found', () => {
  test('a master key that others can read, that is not there, or of another database', async () => {
    const open = join(folder, 'open-key')
    writeFileSync(open, service.masterKey.toString('base64'))
    chmodSync(open, 0o644)
    expect((await examine({ MASTER_KEY_FILE: open })).of('master-key')).toMatchObject({
      state: 'warning',
      remedy: `chmod 600 ${open}`,
    })
    const other = join(folder, 'other-key')
    writeFileSync(other, Buffer.alloc(32, 7).toString('base64'), { mode: 0o600 })
    const foreign = await examine({ MASTER_KEY_FILE: other })
    expect([foreign.of('master-key')?.state, foreign.of('secrets')?.state]).toEqual(['ok', 'failed'])
    expect((await examine({ MASTER_KEY_FILE: join(folder, 'none') })).of('master-key')?.state).toBe('failed')
  })

  test('a change of the master key that has not ended', async () => {
    const [own, other] = [service.masterKey, Buffer.alloc(32, 9)].map((key) => key.toString('base64'))
    const file = join(folder, 'changing')
    writeFileSync(file, `${other}\n${own}\n`, { mode: 0o600 })
    const begun = await examine({ MASTER_KEY_FILE: file })
    expect(begun.of('secrets')).toMatchObject({ state: 'warning', remedy: expect.stringContaining('rewrap-keys') })
    writeFileSync(file, `${own}\n${other}\n`)
    const left = await examine({ MASTER_KEY_FILE: file })
    expect(left.of('secrets')).toMatchObject({ state: 'warning', text: expect.stringContaining('former keys') })
  })

  test('a certificate at PUBLIC_URL that is not trusted, or has ended', async () => {
    const servers: TlsServer[] = []
    const urlOf = async (certificate: { cert: string; key: string }) => {
      const server = createTlsServer(certificate).listen(0, '127.0.0.1')
      servers.push(server.on('tlsClientError', () => {}))
      await once(server, 'listening')
      return `https://127.0.0.1:${(server.address() as AddressInfo).port}`
    }
    const [PUBLIC_URL, ended] = [await urlOf(trusted), await urlOf(expired)]
    const before = getCACertificates('default')
    try {
      expect((await examine({ PUBLIC_URL })).of('certificate')).toMatchObject({ state: 'failed' })
      setDefaultCACertificates([...before, authority])
      expect((await examine({ PUBLIC_URL })).of('certificate')).toMatchObject({ state: 'ok' })
      expect((await examine({ PUBLIC_URL: ended })).of('certificate')).toMatchObject({
        state: 'failed',
        text: expect.stringContaining('CERT_HAS_EXPIRED'),
      })
    } finally {
      setDefaultCACertificates(before)
      for (const server of servers) server.close()
    }
  })

  test('a database that is not there: all that can be seen without it is still looked at', async () => {
    const { code, of } = await examine({ DATABASE_URL: 'postgresql://u@127.0.0.1:1/d' })
    expect([code, of('database')?.state, of('backlog')?.state, of('outgoing')?.state]).toEqual([
      1,
      'failed',
      'skipped',
      'ok',
    ])
  })

  test('settings that cannot be read: exit code 2, each fault once', async () => {
    const { code, report } = await examine({ PORT: 'x', ROLES: 'y' })
    expect([code, report.ok, report.findings.length]).toEqual([2, false, 1])
    expect(report.findings[0]?.text).toMatch(/PORT: .*; ROLES: |ROLES: .*; PORT: /)
  })

  test('an Internet, a feed and a mail server that cannot be reached', async () => {
    const closed = createTcp().listen(0, '127.0.0.1')
    await once(closed, 'listening')
    const { port } = closed.address() as AddressInfo
    closed.close()
    await once(closed, 'close')
    const url = `http://127.0.0.1:${port}`
    const nipr = {
      NIPR_FEED: 'nipr',
      NIPR_ALERTS_URL: `${url}/alerts`,
      NIPR_DETAILS_URL: reach,
      NIPR_USER: 'u',
      NIPR_PASSWORD: 'hunter2',
      NIPR_SUBSCRIPTION_PREFIX: 'p',
      NIPR_EMAIL: 'a@b.example',
    }
    const mail = { SMTP_URL: `smtp://u:hunter2@127.0.0.1:${port}`, MAIL_FROM: 'a@b.example' }
    const found = await examine({ ...nipr, ...mail, PUBLIC_URL: `https://127.0.0.1:${port}` }, '--reach', url)
    for (const check of ['feed', 'mail', 'outgoing', 'certificate']) {
      expect(found.of(check), check).toMatchObject({ state: 'failed', text: expect.stringContaining('ECONNREFUSED') })
    }
    expect(found.of('feed')?.text).not.toContain(reach.slice(0, -1))
    expect(JSON.stringify(found)).not.toContain('hunter2')
  })

  test('addresses of this machine as receivers of a service that others reach', () => {
    const config = (variables: Record<string, string>) =>
      addressPolicy(loadConfig({ DATABASE_URL: 'postgresql://u@h/d', MASTER_KEY_FILE: '/k', ...variables }))
    expect(config({}).state).toBe('ok')
    const receivers = { LOOPBACK_RECEIVERS: '127.0.0.1:3000' }
    expect(config(receivers).state).toBe('ok')
    expect(config({ ...receivers, PUBLIC_URL: 'https://hooks.northwind.example' }).state).toBe('warning')
    expect(config({ LOOPBACK_RECEIVERS: '127.0.0.1:443' }).state).toBe('failed')
  })

  test.each([
    [0, 'ok'],
    [4_900, 'ok'],
    [-5_100, 'warning'],
    [61_000, 'failed'],
  ])('a clock that differs by %i ms: %s', (ms, state) => {
    expect(skewVerdict(ms).state).toBe(state)
  })

  test.each([
    [14, 'ok'],
    [13, 'warning'],
    [-1, 'warning'],
  ])('a certificate of %i days: %s', (days, state) => {
    const now = new Date('2026-11-29T12:00:00Z')
    expect(certificateVerdict('https://a.example', addMs(now, days * 86_400_000), now).state).toBe(state)
  })
})

test('restore-check says up to when a database goes, what is planned in it, and whether the key opens it', async () => {
  await service.message(await service.account())
  await service.settled()
  const { code, report } = await command(['restore-check', '--json'])
  const findings: Finding[] = report.findings
  const acceptedAtMs = Math.floor(service.clock.now().getTime() / 4) * 4 // as an event's id has it
  expect(report.restoredTo).toBe(new Date(acceptedAtMs).toISOString())
  expect(report.planned).toBeGreaterThanOrEqual(report.due)
  expect(findings.map(({ check, state }) => [check, state])).toEqual([
    ['durability', 'failed'], // the server of the tests runs without fsync
    ['row-security', 'ok'],
    ['secrets', 'ok'],
  ])
  expect(code).toBe(1)
})
