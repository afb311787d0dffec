import { once } from 'node:events'
import { existsSync, readFileSync, rmSync, utimesSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Receiver, startReceiver } from '../../server/test/receiver.ts'
import { type TestAccount, TestService } from '../../server/test/service.ts'
import { buildPsapi, Psapi } from './psapi.ts'

/** The command on a real terminal: what people see, what they are asked, and the keys that they press. */

const CTRL_C = '\u0003'

let service: TestService
let receiver: Receiver
let account: TestAccount
let psapi: Psapi
let removeBuilt = () => {}

beforeAll(async () => {
  removeBuilt = buildPsapi()
  receiver = await startReceiver()
  service = await TestService.start({ receivers: [receiver] })
  account = await service.account('sandbox')
  psapi = new Psapi({ PSAPI_URL: service.url, PSAPI_ACCOUNT: account.id, PSAPI_TOKEN: await service.token(account) })
  await service.endpoint(account, receiver, { uid: 'crm' })
  await service.message(account)
  await service.settled()
})
afterAll(async () => {
  rmSync(psapi.home, { recursive: true })
  await service.close()
  await receiver.close()
  removeBuilt()
})

test.each([
  ['endpoints list', /ID +URL +STATE +EVENTS/],
  ['endpoints get crm', /FIELD +VALUE/],
  ['endpoints headers crm', /FIELD +VALUE/],
  ['events list', /ID +TYPE +TIME/],
  ['deliveries list', /DELIVERY +STATE +TYPE/],
  ['replay list', /ID +KIND +ENDPOINT/],
  ['replay preview --kind all', /FIELD +VALUE/],
  ['catalog list', /NAME +GROUP +DESCRIPTION/],
  ['catalog get producersync.npn.activated', /FIELD +VALUE/],
  ['producers list', /NPN +NAME +STATE/],
  ['jobs list', /ID +TYPE +STATE/],
  ['runs list', /DATE +STATE/],
  ['sandbox clock', /FIELD +VALUE/],
  ['doctor', /CHECK +VERDICT +SAYS/],
  ['whoami', /FIELD +VALUE/],
  ['config show', /SETTING +VALUE +FROM/],
])('%s has a table with a head there, which a pipe has not', async (command, head) => {
  const args = command.split(' ')
  const [there, piped] = await Promise.all([
    psapi.onTerminal([...args, '--color', 'never']),
    psapi.run([...args, '--color', 'never']),
  ])
  expect([there.code, piped.code]).toEqual([0, 0])
  expect(there.shown).toMatch(head)
  expect(piped.stdout).not.toMatch(head)
  expect(`${there.shown}${piped.stdout}`).not.toContain('\u001b[')
})

test('states are in colour there, and with NO_COLOR are not', async () => {
  const green = '\u001b[32menabled'
  expect((await psapi.onTerminal(['endpoints', 'list'])).shown).toContain(green)
  expect((await psapi.onTerminal(['endpoints', 'list'], { env: { NO_COLOR: '1' } })).shown).not.toContain('\u001b[')
})

describe('production', () => {
  let real: Record<string, string>
  beforeAll(async () => {
    const other = await service.account('production')
    await service.endpoint(other, receiver, { uid: 'real' })
    real = { PSAPI_ACCOUNT: other.id, PSAPI_TOKEN: await service.token(other) }
  })
  const disable = (keys: string) =>
    psapi.onTerminal(['endpoints', 'disable', 'real'], { env: real, type: [[/\[y\/N\] /, keys]] })

  test('a change asks; no, nothing and Ctrl-C change nothing, yes does it', async () => {
    for (const [keys, code] of [
      ['n\r', 2],
      ['\r', 2],
      [CTRL_C, 130],
    ] as const) {
      const { code: ended, shown } = await disable(keys)
      expect([ended, shown]).toEqual([code, expect.stringContaining('Disable the endpoint real in PRODUCTION?')])
    }
    const { shown } = await psapi.onTerminal(['endpoints', 'get', 'real', '--json'], { env: real })
    expect(shown).toContain('"disabled": false')
    expect((await disable('y\r')).code).toBe(0)
  })
})

describe('init', () => {
  test('asks for what it has to know, writes a receiver, and leaves alone what is there', async () => {
    const answers = [
      [/URL of an endpoint .*: /, '\r'],
      [/receiver for .*: /, 'fastify\r'],
    ] as const
    const first = await psapi.onTerminal(['init', '--dir', 'mine'], { type: answers })
    expect(first).toMatchObject({ code: 0, shown: expect.stringContaining('wrote mine/receiver.mjs') })
    expect(readFileSync(join(psapi.home, 'mine', 'receiver.mjs'), 'utf8')).toContain('@producersync/webhooks/fastify')
    const secret = readFileSync(join(psapi.home, 'mine', '.env'), 'utf8')
    const again = await psapi.onTerminal(['init', '--dir', 'mine'], { type: answers })
    expect(again).toMatchObject({ code: 0, shown: expect.stringContaining('mine/.env is there already') })
    expect(readFileSync(join(psapi.home, 'mine', '.env'), 'utf8')).toBe(secret)
  })

  test('Ctrl-C in place of an answer ends it with 130, and nothing is written', async () => {
    const type = [[/URL of an endpoint .*: /, CTRL_C]] as const
    expect((await psapi.onTerminal(['init', '--dir', 'none'], { type })).code).toBe(130)
    expect(existsSync(join(psapi.home, 'none'))).toBe(false)
  })
})

test('keys while it listens: the last event again, its body, a pause, and the end', async () => {
  receiver.reset()
  const args = ['listen', '--forward-to', receiver.url, '--latest', '1']
  const { code, shown } = await psapi.onTerminal(args, {
    type: [
      [/← 200 in/, 'd'],
      [/"n": ?1/, 'r'],
      [/← 200 in/, 'p'],
      [/paused/, 'p'],
      [/going on/, 'q'],
    ],
  })
  expect(code).toBe(0)
  expect(shown).toContain('keys: r replay last, d details, o open in portal, p pause, q quit')
  expect(receiver.requests).toHaveLength(2)
  expect(receiver.requests.at(-1)?.headers).toMatchObject({ 'webhook-trigger': 'replay' })
})

test.each([['listen'], ['tail']])('Ctrl-C ends %s with 0', async (command) => {
  expect((await psapi.onTerminal([command], { type: [[/\nready/, CTRL_C]] })).code).toBe(0)
})

describe('a newer psapi', () => {
  const asked: string[] = []
  const server = createServer(({ url = '' }, response) => {
    asked.push(url)
    const answer = url.startsWith('/api/v1/auth/whoami')
      ? { version: '99.0.0' }
      : { data: [], iterator: null, done: true }
    response.writeHead(200, { 'content-type': 'application/json', 'producersync-environment': 'sandbox' })
    response.end(JSON.stringify(answer))
  })
  let other: Psapi
  beforeAll(async () => {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const PSAPI_URL = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    other = new Psapi({ PSAPI_URL, PSAPI_ACCOUNT: 'app_1', PSAPI_TOKEN: 'sk_1' })
  })
  afterAll(() => {
    server.closeAllConnections()
    server.close()
    rmSync(other.home, { recursive: true })
  })
  const NOTICE = /^psapi 99\.0\.0 goes with this service, this is \d+\.\d+\.\d+ \(PSAPI_NO_UPDATE=1 /m
  const whoami = () => asked.filter((path) => path.includes('whoami')).length

  test('is not asked for without a terminal, in CI or when told so', async () => {
    expect((await other.run(['events', 'list'])).stderr).not.toContain('99.0.0')
    for (const name of ['CI', 'PSAPI_NO_UPDATE']) {
      const { code, shown } = await other.onTerminal(['events', 'list'], { env: { [name]: '1' } })
      expect([code, shown]).toEqual([0, expect.not.stringContaining('99.0.0')])
    }
    expect(asked.length).toBeGreaterThan(0)
    expect(whoami()).toBe(0)
  })

  test('is told of once a day, by the service and nobody else', async () => {
    expect((await other.onTerminal(['events', 'list'])).shown).toMatch(NOTICE)
    expect((await other.onTerminal(['events', 'list'])).shown).not.toMatch(NOTICE)
    expect(whoami()).toBe(1)
    const yesterday = Date.now() / 1000 - 25 * 3_600
    utimesSync(join(other.home, 'psapi', 'asked-for-version'), yesterday, yesterday)
    expect((await other.onTerminal(['events', 'list'])).shown).toMatch(NOTICE)
    expect(whoami()).toBe(2)
  })
})
