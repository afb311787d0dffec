import { once } from 'node:events'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { visibleTo } from '../../server/src/accounts/principal.ts'
import { IdSource } from '../../server/src/adapters/ids.ts'
import { createLink } from '../../server/src/portal/link-store.ts'
import { grantOf } from '../../server/src/portal/role.ts'
import { type Receiver, startReceiver } from '../../server/test/receiver.ts'
import { type TestAccount, TestService } from '../../server/test/service.ts'
import { judgeOutput } from './outputs.ts'
import { buildPsapi, Psapi } from './psapi.ts'

/** The commands that live on streams, as processes, against the real service. */

let service: TestService
let receiver: Receiver
let account: TestAccount
let psapi: Psapi
let removeBuilt = () => {}
const running: Running[] = []

beforeAll(async () => {
  removeBuilt = buildPsapi()
  receiver = await startReceiver()
  service = await TestService.start({ receivers: [receiver] })
  account = await service.account('sandbox')
  psapi = new Psapi({ PSAPI_URL: service.url, PSAPI_ACCOUNT: account.id, PSAPI_TOKEN: await service.token(account) })
})
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop()
  receiver.reset()
})
afterAll(async () => {
  rmSync(psapi.home, { recursive: true })
  await service.close()
  await receiver.close()
  removeBuilt()
})

type Running = {
  // biome-ignore lint/suspicious/noExplicitAny: lines of any command
  lines: any[]
  text: () => string
  errors: () => string
  stop: () => Promise<number | null>
  ended: Promise<number | null>
}

/** A command that goes on until it is stopped. With `--json` each of its lines is judged. */
function start(command: string, args: string[], from = psapi): Running {
  const child = from.start([command, ...args])
  const ended = once(child, 'close').then(([code]) => code as number | null)
  const lines: Running['lines'] = []
  let text = ''
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString()
  })
  createInterface({ input: child.stdout }).on('line', (line) => {
    text += `${line}\n`
    if (args.includes('--json')) lines.push(judgeOutput(command, JSON.parse(line)))
  })
  const stop = async () => {
    child.kill('SIGINT')
    return await ended
  }
  const one = { lines, text: () => text, errors: () => errors, stop, ended }
  running.push(one)
  return one
}

const happened = { eventType: 'test.happened' }

async function accept(message: object = happened): Promise<string> {
  return (await service.message(account, message)).id
}

function eventsOf({ lines }: Running, event: string) {
  return lines.filter((line) => line.event === event)
}

describe('listen', () => {
  test('forwards what is accepted, signed by the secret that its first line names, and reports the answer', async () => {
    const one = start('listen', ['--forward-to', receiver.url, '--json'])
    await expect.poll(() => one.lines[0]?.event).toBe('ready')
    const { secret, session } = one.lines[0]
    receiver.trust(secret)
    receiver.answer(204)
    const id = await accept()
    await expect
      .poll(() => eventsOf(one, 'answered'))
      .toMatchObject([{ msgId: id, responseStatusCode: 204, failureClass: null }])
    expect(receiver.verified.map(({ messageId }) => messageId)).toEqual([id])
    const path = `/api/v1/app/${account.id}/cli-session/${session}`
    const results = async () => (await service.ok('GET', `${path}/result`, undefined, { token: account.key })).data
    await expect.poll(results).toMatchObject([{ msgId: id, responseStatusCode: 204 }])
    expect(one.errors()).toContain('your endpoints in SANDBOX keep receiving')
    expect(await one.stop()).toBe(0)
    expect((await service.call('GET', path, undefined, { token: account.key })).status).toBe(404)
  })

  test('for people: one line for what came, one for what was answered, with advice', async () => {
    const dead = 'http://127.0.0.1:1/'
    const one = start('listen', ['--forward-to', dead, '--exit-after', '1'])
    await expect.poll(one.errors).toContain('\nready\n')
    await service.ok('PUT', '/v1/accounts/subscriptions', ['912484758'], { token: await service.token(account) })
    expect(await one.ended).toBe(0)
    expect(one.text()).toMatch(
      /^\d\d:\d\d:\d\dZ → producersync\.npn\.activated evt_\w{27} npn 912484758\n← connect_refused in \d+ ms\. Nothing listens there.*\n$/,
    )
  })

  test('--ready-file stands when the stream is live; --latest begins with what was before', async () => {
    const before = await accept()
    const file = join(psapi.home, 'ready')
    const one = start('listen', ['--latest', '1', '--ready-file', file, '--exit-after', '2', '--json'])
    const read = () => {
      try {
        return JSON.parse(readFileSync(file, 'utf8')).session
      } catch {
        return undefined
      }
    }
    await expect.poll(read).toMatch(/^cli_/)
    const since = await accept()
    expect(await one.ended).toBe(0)
    expect(eventsOf(one, 'received').map(({ msgId }) => msgId)).toEqual([before, since])
  })

  test('the file of a project says where to forward to and which events, unless flags do', async () => {
    const file = join(psapi.home, '.psapi.toml')
    writeFileSync(file, `forward_to = "${receiver.url}"\nevents = "other.happened"\n`)
    try {
      const shown = await psapi.json('config', 'show')
      expect(shown.forward_to).toEqual({ value: receiver.url, origin: file })
      const one = start('listen', ['--exit-after', '1', '--json'])
      await expect.poll(() => eventsOf(one, 'ready')).toHaveLength(1)
      await accept()
      const wanted = await accept({ eventType: 'other.happened' })
      expect(await one.ended).toBe(0)
      expect(eventsOf(one, 'answered')).toMatchObject([{ msgId: wanted, responseStatusCode: 200 }])
    } finally {
      rmSync(file)
    }
  })

  test('--print-secret prints the same secret every time, and another one in another profile', async () => {
    const secret = await psapi.run(['listen', '--print-secret'])
    expect(secret.stdout).toMatch(/^whsec_\S+\n$/)
    expect((await psapi.run(['listen', '--print-secret'])).stdout).toBe(secret.stdout)
    expect((await psapi.run(['listen', '--print-secret', '--profile', 'other'])).stdout).not.toBe(secret.stdout)
  })

  test('other machines only with --allow-external, and no redirect is followed', async () => {
    const refused = await psapi.run(['listen', '--forward-to', 'http://192.0.2.1/'])
    expect(refused).toMatchObject({ code: 2 })
    expect(refused.stderr).toContain('--allow-external')
    const one = start('listen', ['--forward-to', receiver.url, '--exit-after', '1', '--json'])
    await expect.poll(() => eventsOf(one, 'ready')).toHaveLength(1)
    receiver.answer((response) => void response.writeHead(302, { location: '/elsewhere' }).end())
    await accept()
    await one.ended
    expect(eventsOf(one, 'answered')).toMatchObject([{ responseStatusCode: 302, failureClass: 'http_redirect' }])
    expect(receiver.requests).toHaveLength(1)
  })

  test('trigger --to cli sends an example to whoever listens, and to nobody without one', async () => {
    const alone = await psapi.run(['trigger', 'webhook.ping', '--to', 'cli'])
    expect(alone).toMatchObject({ code: 4 })
    expect(alone.stderr).toContain('psapi listen')
    const one = start('listen', ['--exit-after', '1', '--json'])
    await expect.poll(() => eventsOf(one, 'ready')).toHaveLength(1)
    const { id } = await psapi.json('trigger', 'producersync.npn.activated', '--to', 'cli')
    expect(await one.ended).toBe(0)
    expect(eventsOf(one, 'received').map(({ msgId }) => msgId)).toEqual([id])
  })
})

test('tail prints deliveries as they happen, those of a state when asked', async () => {
  await service.endpoint(account, receiver, { eventTypes: ['producersync'] })
  const all = start('tail', ['--json'])
  const failed = start('tail', ['--state', 'failed', '--exit-after', '1'])
  await expect.poll(() => [all.errors(), failed.errors()].every((text) => text.includes('\nready\n'))).toBe(true)
  receiver.answer(503, 200)
  await service.ok('PUT', '/v1/accounts/subscriptions', ['15645556'], { token: await service.token(account) })
  expect(await failed.ended).toBe(0)
  expect(failed.text()).toMatch(/\tretrying\tproducersync\.npn\.activated\tmsg_\w{27}\tep_\w{27}\t503\tnext /)
  await expect.poll(() => all.lines.map(({ state }) => state)).toContain('retrying')
  expect(await all.stop()).toBe(0)
})

test('login by code: a person approves it in the portal; logout ends the token', async () => {
  const other = new Psapi()
  const one = start('login', ['--url', service.url, '--code'], other)
  await expect.poll(one.errors).toContain('approve the code')
  const [, userCode] = /approve the code (\S+)/.exec(one.errors()) ?? []
  const parts = { clock: service.clock, ids: new IdSource(service.clock) }
  const { capabilities } = grantOf('developer')
  const link = {
    person: 'ada@example.com',
    role: 'developer',
    expiresAt: new Date('2027-01-01'),
    sessionsEndAt: null,
  } as const
  const { key } = await service.database
    .open('api')
    .transaction({ settings: visibleTo('sandbox', account.id) }, (tx) =>
      createLink(tx, parts, account, { ...link, rights: { capabilities, featureFlags: [], sessionId: null } }),
    )
  const headers = { authorization: '', 'sec-fetch-site': 'same-origin' }
  const { token } = await service.ok('POST', '/portal/session', { key, embed: true }, { headers })
  await service.ok('POST', `/api/v1/app/${account.id}/cli-login`, { userCode, approve: true }, { token })
  expect(await one.ended).toBe(0)
  expect(await other.json('whoami')).toMatchObject({ account: account.id, environment: 'sandbox' })
  const file = join(other.home, 'psapi', 'config.toml')
  const [, given = ''] = /token = "(\S+)"/.exec(readFileSync(file, 'utf8')) ?? []
  expect((await other.run(['logout'])).code).toBe(0)
  expect((await other.run(['endpoints', 'list'])).code).toBe(3)
  service.clock.advanceMs(3_000)
  expect((await service.call('GET', `/api/v1/app/${account.id}`, undefined, { token: given })).status).toBe(401)
  rmSync(other.home, { recursive: true })
})

test('open prints the address of a page of the portal', async () => {
  expect((await psapi.run(['open', 'msg_3AZ'])).stdout).toBe(`${service.url}/portal/o/msg_3AZ\n`)
  expect((await psapi.run(['open'])).stdout).toBe(`${service.url}/portal/\n`)
})
