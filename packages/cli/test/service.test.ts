import { once } from 'node:events'
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:tls'
import { check } from '@producersync/webhooks/node'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createClient } from '../../server/src/accounts/clients.ts'
import { visibleTo } from '../../server/src/accounts/principal.ts'
import { IdSource } from '../../server/src/adapters/ids.ts'
import { HELD_OPEN } from '../../server/test/postgres.ts'
import { type Receiver, startReceiver } from '../../server/test/receiver.ts'
import { expired, trusted } from '../../server/test/receiver-zoo-certificates.ts'
import { type TestAccount, TestService } from '../../server/test/service.ts'
import { buildPsapi, Psapi } from './psapi.ts'

/** Each command as a process, against the real service. */

let service: TestService
let receiver: Receiver
let account: TestAccount
let psapi: Psapi
let good: SecureServer
let ended: SecureServer
let client: { clientId: string; secret: string }
const others: Psapi[] = []
let removeBuilt = () => {}

beforeAll(async () => {
  removeBuilt = buildPsapi()
  receiver = await startReceiver()
  good = await listenSecurely(trusted)
  ended = await listenSecurely(expired)
  service = await TestService.start({ receivers: [receiver, good, ended] })
  account = await service.account('sandbox')
  const parts = { clock: service.clock, ids: new IdSource(service.clock) }
  client = await service.database
    .open('api')
    .transaction({ settings: visibleTo('sandbox', account.id) }, (tx) =>
      createClient(tx, parts, account, { name: 'cli' }),
    )
  psapi = new Psapi({ PSAPI_URL: service.url, PSAPI_ACCOUNT: account.id, PSAPI_TOKEN: await service.token(account) })
  others.push(psapi)
})
afterAll(async () => {
  for (const one of others) rmSync(one.home, { recursive: true })
  await service.close()
  await receiver.close()
  for (const { server } of [good, ended]) server.close()
  removeBuilt()
})
afterEach(() => receiver.reset())

type SecureServer = { server: TlsServer; url: string; address: string }

/** Shows a certificate, and answers nothing. */
async function listenSecurely(certificate: { cert: string; key: string }): Promise<SecureServer> {
  const server = createTlsServer(certificate).listen(0, '127.0.0.1')
  server.on('connection', (socket) => socket.unref())
  server.on('tlsClientError', () => {}) // the service does not trust it
  await once(server, 'listening')
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return { server, address, url: `https://${address}/` }
}

function elsewhere(env: Record<string, string> = {}): Psapi {
  const one = new Psapi(env)
  others.push(one)
  return one
}

describe('login', () => {
  test('keeps checked credentials in a file for the user alone, and every command uses them', async () => {
    const other = elsewhere()
    const flags = [
      '--url',
      service.url,
      '--account',
      account.id,
      '--client-id',
      client.clientId,
      '--client-secret',
      '-',
    ]
    const ended = await other.run(['login', ...flags], { stdin: `${client.secret}\n` })
    expect(ended).toMatchObject({ code: 0, stdout: '' })
    expect(ended.stderr).toContain(`signed in: SANDBOX ${account.id}, profile default`)

    const file = join(other.home, 'psapi', 'config.toml')
    expect((await other.run(['config', 'path'])).stdout).toBe(`${file}\n`)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect((await other.run(['endpoints', 'list'])).code).toBe(0)

    const shown = await other.run(['config', 'show'])
    expect(shown.stdout).toContain(`account\t${account.id}\t${file} [default]`)
    expect(shown.stdout).not.toContain(client.secret)
    expect(shown.stdout).toContain(client.secret.slice(-4))

    expect(await other.json('whoami')).toEqual({
      account: account.id,
      environment: 'sandbox',
      permissionSource: 'OidcJwt',
      person: null,
      role: null,
      expiresAt: expect.stringMatching(/^2026-03-06T/),
      profile: 'default',
      from: `${file} [default]`,
      file,
    })

    expect((await other.run(['logout'])).code).toBe(0)
    expect(readFileSync(file, 'utf8')).not.toContain(client.secret)
    expect((await other.run(['endpoints', 'list'])).code).toBe(3)
  })

  test('a key of a whole environment has to say which account it means', async () => {
    const other = elsewhere({ KEY: service.keys.sandbox })
    const flags = ['login', '--url', service.url, '--token', 'env:KEY']
    const ended = await other.run(flags)
    expect(ended).toMatchObject({ code: 2 })
    expect(ended.stderr).toContain('--account')
    expect((await other.run([...flags, '--account', account.id])).code).toBe(0)
    expect((await other.run(['endpoints', 'list'])).stderr).toBe(`SANDBOX ${account.id}\n`)
  })

  test.each([
    ['a wrong secret', ['--client-id', 'cid_nobody', '--client-secret', 'env:WRONG']],
    ['a wrong token', ['--token', 'env:WRONG']],
  ])('with %s ends with 3 and keeps nothing', async (_, flags) => {
    const other = elsewhere({ WRONG: 'not-a-secret' })
    const ended = await other.run(['login', '--url', service.url, '--account', account.id, ...flags])
    expect(ended).toMatchObject({ code: 3, stdout: '' })
    expect(ended.stderr).toMatch(/^error: .*\nhint: /)
    expect(ended.stderr).not.toContain('not-a-secret')
    expect(existsSync(join(other.home, 'psapi', 'config.toml'))).toBe(false)
  })

  test('a secret in the flag itself is taken, with a warning', async () => {
    const ended = await elsewhere().run([
      'login',
      '--url',
      service.url,
      '--account',
      account.id,
      '--token',
      psapi.env.PSAPI_TOKEN ?? '',
    ])
    expect(ended.code).toBe(0)
    expect(ended.stderr).toContain('warning: --token holds a secret that other processes can see')
  })
})

describe('init', () => {
  test('signs in, and writes a receiver with the secret of psapi listen, readable by nobody else', async () => {
    const other = elsewhere(psapi.env)
    expect(await other.run(['init'])).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('Say --yes'),
    })
    const made = await other.json('init', '--yes', '--framework', 'node', '--dir', 'mine')
    expect(made).toMatchObject({ account: account.id, endpoint: null, files: ['mine/receiver.mjs', 'mine/.env'] })
    const secret = await other.run(['listen', '--print-secret'])
    const file = join(other.home, 'mine', '.env')
    expect(readFileSync(file, 'utf8')).toBe(`PSAPI_WEBHOOK_SECRETS=${secret.stdout}`)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect((await elsewhere({ XDG_CONFIG_HOME: other.home }).run(['whoami'])).code).toBe(0) // it is kept
  })

  test('with --to it makes an endpoint, and the secret is the one of that', async () => {
    const made = await psapi.json('init', '--yes', '--framework', 'express', '--to', receiver.url, '--dir', 'other')
    const { key } = await psapi.json('endpoints', 'secret', made.endpoint, '--reveal')
    expect(readFileSync(join(psapi.home, 'other', '.env'), 'utf8')).toBe(`PSAPI_WEBHOOK_SECRETS=${key}\n`)
    expect(made.next).toContain(`psapi endpoints check ${made.endpoint}`)
    expect((await psapi.run(['endpoints', 'delete', made.endpoint])).code).toBe(0)
  })
})

test('endpoints: made, read, changed, tested, rotated, disabled and deleted', async () => {
  const made = await psapi.json('endpoints', 'create', '--to', receiver.url, '--uid', 'crm', '--events', 'producersync')
  expect(made).toMatchObject({ uid: 'crm', url: receiver.url, eventTypes: ['producersync'], disabled: false })

  const listed = await psapi.run(['endpoints', 'list'])
  expect(listed.stderr).toBe(`SANDBOX ${account.id}\n`)
  expect(listed.stdout).toBe(`${made.id}\t${receiver.url}\tenabled\tproducersync\t-\n`)
  expect(await psapi.json('endpoints', 'list')).toEqual([await psapi.json('endpoints', 'get', 'crm')])

  expect(await psapi.json('endpoints', 'update', 'crm', '--events', 'all', '--rate', '70')).toMatchObject({
    eventTypes: null,
    throttleRate: 70,
  })
  expect(await psapi.json('endpoints', 'headers', 'crm', '--set', 'x-team: blue')).toMatchObject({
    headers: { 'x-team': 'blue' },
  })

  const hidden = await psapi.json('endpoints', 'secret', 'crm')
  const { key } = await psapi.json('endpoints', 'secret', 'crm', '--reveal')
  expect(hidden.key).toBe(`whsec_…${key.slice(-4)}`)
  expect((await psapi.run(['endpoints', 'rotate', 'crm', '--overlap', '1h'])).code).toBe(0)
  expect(await psapi.json('endpoints', 'secret', 'crm', '--reveal')).not.toEqual({ key })

  await service.settled()
  receiver.reset()
  const sent = await psapi.json('endpoints', 'test', 'crm', '--type', 'producersync.npn.activated')
  expect(sent).toMatchObject({ msgId: expect.stringMatching(/^msg_/), attempt: { responseStatusCode: 200 } })
  const flags = ['--to', 'crm', '--npn', '15645555', '--set', 'note.by=test', '--set', 'count=2']
  await psapi.json('trigger', 'producersync.npn.activated', ...flags)
  await receiver.received(2)
  expect(JSON.parse(receiver.requests[1]?.body.toString() ?? '')).toMatchObject({
    id: expect.stringMatching(/^evt_\w{27}$/),
    type: 'producersync.npn.activated',
    data: { npn: '15645555', note: { by: 'test' }, count: 2 },
  })
  expect(receiver.requests.map(({ headers }) => headers['webhook-trigger'])).toEqual(['test', 'test'])

  const careless = await psapi.run(['endpoints', 'check', 'crm'])
  expect(careless).toMatchObject({
    code: 9,
    stdout: expect.stringMatching(/^good\t200\t.*\nwrong\t200\t.*\nold\t200\t/),
  })
  expect(careless.stderr).toContain('error: Accepts unsigned data.\nhint: Verify the signature before anything else')
  const { key: secrets } = await psapi.json('endpoints', 'secret', 'crm', '--reveal')
  receiver.answer((response, { body, headers }) => {
    response.writeHead(check(body, headers, { secrets, now: service.clock.now() }).ok ? 200 : 401).end()
  })
  expect(await psapi.json('endpoints', 'check', 'crm')).toMatchObject({ verdict: 'verifies' })
  receiver.reset()

  expect(await psapi.json('endpoints', 'disable', 'crm')).toMatchObject({ disabled: true })
  expect(await psapi.json('endpoints', 'enable', 'crm')).toMatchObject({ disabled: false })
  expect(await psapi.run(['endpoints', 'delete', 'crm'])).toMatchObject({ code: 0, stdout: '' })
  expect(await psapi.run(['endpoints', 'get', 'crm'])).toMatchObject({ code: 4, stdout: '' })
})

test('events and deliveries: listed, read, replayed', async () => {
  const endpoint = await service.endpoint(account, receiver, { uid: 'events' })
  const message = await service.message(account, { eventId: 'order-7' })
  await service.settled()

  const [event] = await psapi.json('events', 'list', '--type', 'test.happened', '--limit', '1')
  expect(event).toMatchObject({ id: message.id, eventType: 'test.happened' })
  expect(await psapi.json('events', 'get', 'order-7')).toMatchObject({ payload: { n: 1 } })
  expect(await psapi.json('events', 'get', message.id, '--attempts')).toMatchObject([
    { status: 0, endpointId: endpoint.id },
  ])
  expect((await psapi.run(['events', 'get', message.id, '--attempts', '--utc'])).stdout).toMatch(
    new RegExp(`^2026-03-06T[0-9:.]+Z\tsuccess\t200\t\\d+\t${endpoint.id}\t${message.id}\n$`),
  )

  const timeline = await psapi.json('events', 'get', message.id, '--timeline')
  expect(JSON.stringify(timeline)).toContain(endpoint.id)
  expect(await psapi.json('events', 'list', '--state', 'delivered', '--limit', '1')).toMatchObject([{ id: message.id }])
  expect(await psapi.json('events', 'list', '--state', 'exhausted', '--type', 'test.happened')).toEqual([])
  expect(await psapi.json('events', 'list', '--npn', '1')).toEqual([])

  receiver.reset()
  expect(await psapi.run(['events', 'replay', message.id, '--to', 'events'])).toMatchObject({ code: 0, stdout: '' })
  await receiver.received(1)
  await service.settled()
  expect(receiver.requests[0]).toMatchObject({ messageId: message.id, verified: true })

  const id = `${message.id}:${endpoint.id}`
  const [delivery] = await psapi.json('deliveries', 'list', '--event', message.id)
  expect(delivery).toMatchObject({ id, state: 'delivered', eventType: 'test.happened' })
  expect(await psapi.json('deliveries', 'get', id)).toEqual(delivery)
  expect(await psapi.json('deliveries', 'list', '--endpoint', 'events', '--state', 'exhausted,canceled')).toEqual([])
  const exported = await psapi.run(['deliveries', 'export', '--event', message.id])
  expect(
    exported.stdout
      .trim()
      .split('\n')
      .map((line) => line.includes(message.id)),
  ).toEqual([false, true])
})

test('a delivery that waits is tried again at once, or canceled', async () => {
  const endpoint = await service.endpoint(account, receiver, { uid: 'waiting', retrySchedule: [3_600, 3_600] })
  receiver.answer(503)
  const message = await service.message(account)
  await service.settled()
  const id = `${message.id}:${endpoint.id}`
  expect(await psapi.json('deliveries', 'get', id)).toMatchObject({ state: 'retrying', attemptsMade: 1 })
  expect(await psapi.run(['deliveries', 'retry', id])).toMatchObject({ code: 0, stdout: '' })
  await service.settled()
  expect(await psapi.json('deliveries', 'get', id)).toMatchObject({ state: 'retrying', attemptsMade: 2 })
  expect(await psapi.run(['deliveries', 'cancel', id])).toMatchObject({ code: 0, stdout: '' })
  expect(await psapi.json('deliveries', 'get', id)).toMatchObject({ state: 'canceled' })
  expect(await psapi.run(['deliveries', 'get', 'msg_1'])).toMatchObject({ code: 2 })
  await service.ok('DELETE', `/api/v1/app/${account.id}/endpoint/waiting`, undefined, { token: account.key })
})

test('lists have every row once with --all, as lines of JSON', async () => {
  const many = await service.account('sandbox')
  const ids = await service.messages(
    many,
    Array.from({ length: 300 }, (_, n) => ({ n })),
  )
  const other = elsewhere({ ...psapi.env, PSAPI_ACCOUNT: many.id, PSAPI_TOKEN: await service.token(many) })
  const { stdout } = await other.run(['events', 'list', '--all', '--json'])
  const found = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).id)
  expect(found.sort()).toEqual(ids.toSorted())
})

test('a replay is started and waited for', async () => {
  await service.endpoint(account, receiver, { uid: 'late' })
  const from = '2026-03-06T00:00:00Z'
  const wish = ['--endpoint', 'late', '--kind', 'missing', '--from', from]
  const { count } = await psapi.json('replay', 'preview', ...wish)
  expect(count).toBeGreaterThan(0)
  const [replay] = await psapi.json('replay', 'start', ...wish, '--wait')
  expect(replay).toMatchObject({ kind: 'replay-missing', status: 'finished', done: count, failed: 0 })
  expect(await psapi.json('replay', 'status', replay.id)).toEqual(replay)
  expect((await psapi.json('replay', 'list'))[0].id).toBe(replay.id)
})

test('get: any read of the API, as it answers', async () => {
  expect(await psapi.json('get', '/api/v1/event-type/producersync.npn.activated')).toEqual(
    await psapi.json('catalog', 'get', 'producersync.npn.activated'),
  )
  expect(await psapi.run(['get', 'event-type'])).toMatchObject({ code: 2 })
})

test('catalog: listed, read, and as TypeScript', async () => {
  const names = (await psapi.json('catalog', 'list')).map(({ name }: { name: string }) => name)
  expect(names).toContain('producersync.npn.activated')
  expect(await psapi.json('catalog', 'get', 'producersync.npn.activated')).toMatchObject({ groupName: 'producersync' })
  const { stdout } = await psapi.run(['catalog', 'types', 'producersync.npn.activated'])
  expect(stdout).toBe(`/** A producer joined the account's monitored population. */
export type ProducersyncNpnActivated = {
  id: string
  type: "producersync.npn.activated"
  timestamp: string
  data: {
    npn: string
  }
}
`)
  expect((await psapi.run(['catalog', 'types'])).stdout.match(/export type/g)).toHaveLength(4)
})

describe('producers', () => {
  const npns = async () => (await psapi.json('producers', 'list')).map(({ npn }: { npn: string }) => npn)

  test('are added, listed, removed and replaced, from arguments, a file or stdin', async () => {
    const added = await psapi.json('producers', 'add', '912484758', '912484759', '--wait')
    expect(added).toMatchObject({ type: 'add', state: 'succeeded', counts: { added: 2 } })
    expect(await npns()).toEqual(['15645555', '19855109', '912484758', '912484759'])
    expect(await psapi.json('producers', 'list', '--search', 'joe')).toMatchObject([{ npn: '15645555' }])
    expect(await psapi.json('producers', 'get', '15645555')).toMatchObject({ kind: 'individual', state: 'ready' })

    writeFileSync(
      join(psapi.home, 'npns.csv'),
      Buffer.from('\ufeffname\tnpn\r\nÅsa\t912484758\r\nBo\t1\r\n', 'utf16le'),
    )
    const dry = await psapi.run(['producers', 'replace', '--file', 'npns.csv', '--dry-run'])
    expect(dry).toMatchObject({
      code: 0,
      stdout: 'add\t1\t3\t-\nremove\t15645555\t-\t-\nremove\t19855109\t-\t-\nremove\t912484759\t-\t-\n',
    })
    expect(dry.stderr).toContain('1 to add, 3 to remove; 1 unchanged, 0 repeated, 0 invalid; sends 4 events to')
    const refused = await psapi.run(['producers', 'replace', '--file', 'npns.csv'])
    expect(refused).toMatchObject({ code: 2, stdout: '' })
    expect(refused.stderr).toContain('replace: add 1 and remove 3 producers? Nobody is there to ask.\nhint: Say --yes.')
    expect(await npns()).toHaveLength(4)

    const replaced = await psapi.json('producers', 'replace', '--file', 'npns.csv', '--wait', '--yes')
    expect(replaced).toMatchObject({ state: 'succeeded', counts: { added: 1, removed: 3 } })
    expect(await npns()).toEqual(['1', '912484758'])
    const fromStdin = await psapi.run(['population', 'remove', '--file', '-', '--wait', '--json'], { stdin: '1' })
    expect(JSON.parse(fromStdin.stdout)).toMatchObject({ counts: { removed: 1 } })
    expect(await npns()).toEqual(['912484758'])
  })

  test('what is no NPN is named with its line, the rest is done, and the exit code is 10', async () => {
    const partly = await psapi.run(['producers', 'add', '--file', '-', '--wait', '--json'], {
      stdin: 'npn\n1.56E+07\n77\n',
    })
    expect(partly.code).toBe(10)
    expect(partly.stderr).toContain('line 2: "1.56E+07": A spreadsheet has rounded it and lost digits')
    const job = JSON.parse(partly.stdout)
    expect(job).toMatchObject({ state: 'succeeded', counts: { added: 1, invalid: 0 } })
    const dry = await psapi.run(['producers', 'add', 'x', '--dry-run', '--json'])
    expect(dry.code).toBe(10)
    expect(JSON.parse(dry.stdout)).toMatchObject({
      counts: { invalid: 1 },
      rows: [{ value: 'x', reason: 'malformed' }],
    })
    expect((await psapi.run(['producers', 'add', '5', '--file', 'x'])).code).toBe(2)
    expect(await psapi.run(['producers', 'get', '5'])).toMatchObject({ code: 4 })
  })

  test('their jobs are listed, waited for and canceled', async () => {
    const [job] = await psapi.json('jobs', 'list', '--limit', '1')
    expect(job).toMatchObject({ type: 'add', state: 'succeeded' })
    expect(await psapi.json('jobs', 'get', job.id)).toEqual(job)
    expect(await psapi.json('jobs', 'wait', job.id)).toEqual(job)
    const late = await psapi.run(['jobs', 'cancel', job.id])
    expect(late).toMatchObject({ code: 7, stdout: '' })
    expect(late.stderr).toContain('error: The job has ended.')
    const v1 = { token: await service.token(account) }
    const accept = async (npn: string) =>
      (await service.ok('PUT', '/v1/accounts/subscriptions', [npn], v1)).job_id as string
    const [held, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const holding = service.database.open('migrate').transaction(HELD_OPEN, async (tx) => {
      await tx.query`select from population_count where account_id = ${account.id} for update`
      held.resolve()
      await release.promise
    })
    await held.promise
    await accept('1000001') // nobody gets further with it
    const next = await accept('1000002')
    expect(await psapi.json('jobs', 'cancel', next)).toMatchObject({ id: next, type: 'add', state: 'canceling' })
    release.resolve()
    await holding
    const waiting = psapi.run(['jobs', 'wait', next, '--json'])
    let isOver = false
    void waiting.finally(() => {
      isOver = true
    })
    // where the lock was held for long, the runner waits before it tries again
    const over = () => {
      service.passWait(10_000)
      return isOver
    }
    await expect.poll(over).toBe(true)
    const waited = await waiting
    expect([waited.code, JSON.parse(waited.stdout).state]).toEqual([10, 'canceled'])
  })
})

test('admin: accounts, links, keys, health and runs, with a key of the environment', async () => {
  const key = service.keys.sandbox
  const operator = elsewhere({ PSAPI_URL: service.url, PSAPI_TOKEN: key })
  const made = await operator.json('admin', 'accounts', 'create', 'Contoso', '--uid', 'contoso')
  expect(made).toMatchObject({ uid: 'contoso', name: 'Contoso' })
  expect(await operator.json('admin', 'accounts', 'list', '--search', 'contoso')).toMatchObject([{ id: made.id }])
  const invited = ['ada@example.com', '--of', 'contoso', '--role', 'admin', '--hours', '1']
  const link = await operator.json('admin', 'links', 'create', ...invited)
  expect(link.url).toContain('/portal/login#key=lk_')
  expect((await operator.run(['admin', 'links', 'revoke', link.id])).code).toBe(0)
  expect(await operator.json('admin', 'links', 'list', '--of', 'contoso')).toMatchObject([
    { id: link.id, state: 'revoked' },
  ])

  const of = ['--account', 'contoso']
  const ci = await operator.json('admin', 'keys', 'create', 'ci', '--role', 'developer', ...of)
  const asKey = elsewhere({ PSAPI_URL: service.url, PSAPI_TOKEN: ci.secret, PSAPI_ACCOUNT: made.id })
  expect(await asKey.json('whoami')).toMatchObject({ account: made.id, role: 'developer', expiresAt: null })
  const crm = await operator.json('admin', 'keys', 'create', 'crm', '--kind', 'client', ...of)
  expect((await operator.json('admin', 'keys', 'rotate', crm.key.id, ...of)).secret).toMatch(/^cs_/)
  expect((await operator.run(['admin', 'keys', 'revoke', ci.key.id, ...of])).code).toBe(0)
  const listed = await operator.json('admin', 'keys', 'list', ...of)
  expect(
    listed.map(({ id, revokedAt }: { id: string; revokedAt: unknown }) => [id, revokedAt !== null]).sort(),
  ).toEqual(
    [
      [ci.key.id, true],
      [crm.key.id, false],
    ].sort(),
  )

  expect(await operator.json('admin', 'health')).toMatchObject({ status: expect.any(String) })
  expect(await operator.json('admin', 'runs', 'list', '--state', 'held')).toEqual([])
  expect(await operator.run(['admin', 'runs', 'start', 'nobody'])).toMatchObject({ stdout: '' })
  writeFileSync(
    join(operator.home, 'types.json'),
    '{"openapi":"3.1.0","info":{"title":"t","version":"1"},"webhooks":{}}',
  )
  expect((await operator.run(['admin', 'types', 'types.json', '--dry-run', '--json'])).stderr).toContain('SANDBOX\n')
  // to everybody else the operator's part is not there
  expect(await psapi.run(['admin', 'accounts', 'list'])).toMatchObject({ code: 4, stdout: '' })
})

test('sandbox and runs: the clock is read and set, a day is played, and stands in the list', async () => {
  const { now } = await psapi.json('sandbox', 'clock')
  expect(Date.parse(now)).toBe(service.clock.now().getTime())
  expect(await psapi.json('sandbox', 'clock', '2026-03-06T15:30:00Z')).toMatchObject({
    now: expect.stringMatching(/^2026-03-06T15:30/),
  })
  expect(await psapi.json('sandbox', 'run', '--date', '2026-03-06', '--scenario', 'normal')).toMatchObject({
    success: true,
  })
  expect(await psapi.run(['sandbox', 'run', '--date', '2026-03-07'])).toMatchObject({ code: 7 })
  expect(await psapi.json('runs', 'list')).toMatchObject([{ runDate: '2026-03-06', state: expect.any(String) }])
  expect(await psapi.json('runs', 'get', '2026-03-06')).toMatchObject({
    runDate: '2026-03-06',
    counts: expect.any(Object),
  })
  expect(await psapi.run(['runs', 'get', '2026-03-01'])).toMatchObject({ code: 4 })
})

test('doctor says what stands in the way', async () => {
  const well = await psapi.json('doctor')
  expect(well.map(({ check }: { check: string }) => check)).toEqual(
    expect.arrayContaining(['configuration', 'service', 'clock', 'credentials']),
  )
  await psapi.json('endpoints', 'disable', 'late')
  const strict = await psapi.run(['doctor', '--strict'])
  expect(strict.code).toBe(10)
  expect(strict.stdout).toMatch(/^endpoint late\twarning\tdisabled/m)
  expect((await elsewhere({ ...psapi.env, PSAPI_TOKEN: 'wrong' }).run(['doctor'])).stdout).toMatch(
    /^credentials\tfailed/m,
  )
})

describe('of endpoints', () => {
  let own: TestAccount
  let other: Psapi
  beforeAll(async () => {
    own = await service.account('sandbox')
    other = elsewhere({ ...psapi.env, PSAPI_ACCOUNT: own.id, PSAPI_TOKEN: await service.token(own) })
    await service.endpoint(own, receiver, { uid: 'mine' })
  })
  const says = async (args: string[], env: Record<string, string> = {}) => {
    const { code, stdout } = await other.run(['doctor', ...args], { env })
    return [code, stdout]
  }

  test('a test that the receiver does not take is 10, with the advice of the service', async () => {
    receiver.answer(500)
    for (const command of [
      ['endpoints', 'test', 'mine'],
      ['trigger', 'producersync.npn.activated', '--npn', '15645555', '--to', 'mine'],
    ]) {
      const ended = await other.run([...command, '--json'])
      expect(ended.code).toBe(10)
      expect(JSON.parse(ended.stdout)).toMatchObject({ attempt: { responseStatusCode: 500 } })
      const { error } = JSON.parse(ended.stderr.trimEnd().split('\n').at(-1) ?? '')
      expect(error).toMatchObject({
        code: 'http_server_error',
        message: expect.stringContaining('did not take it'),
        hint: expect.any(String),
      })
    }
  })

  test('doctor sends with --send, and says what the last signature check has found', async () => {
    expect(await says(['--send'])).toEqual([0, expect.stringMatching(/^endpoint mine\tok\ta test was answered 200$/m)])
    receiver.answer(500)
    expect(await says(['--send'])).toEqual([5, expect.stringMatching(/^endpoint mine\tfailed\ta test failed: .+$/m)])
    receiver.reset()
    expect((await other.run(['endpoints', 'check', 'mine'])).code).toBe(9)
    expect(await says([])).toEqual([
      0,
      expect.stringMatching(/^endpoint mine\twarning\tsignature check: accepts_unsigned, /m),
    ])
  })

  test('doctor sees how long a certificate is good for, and one that has ended', async () => {
    await service.endpoint(own, { ...receiver, url: good.url }, { uid: 'good' }).catch(() => undefined)
    expect(await says([])).toEqual([
      0,
      expect.stringMatching(/^endpoint good\tok\tits certificate is good for \d+ days$/m),
    ])
    await other.json('endpoints', 'update', 'good', '--to', ended.url)
    expect(await says([])).toEqual([5, expect.stringMatching(/^endpoint good\tfailed\tits certificate ended .*2021/m)])
    await other.run(['endpoints', 'delete', 'good'])
  })

  test('doctor warns of a proxy that is named and not used; of a version that is not the service’s', async () => {
    const HTTPS_PROXY = 'http://127.0.0.1:1'
    expect((await says([], { HTTPS_PROXY }))[1]).toMatch(/^proxy\twarning\tHTTPS_PROXY is set/m)
    expect((await says([], { HTTPS_PROXY, NODE_USE_ENV_PROXY: '1' }))[1]).not.toMatch(/^proxy/m)
    expect((await says([]))[1]).toMatch(/^version\tok\tthe service is (\S+), this is \1$/m)
  })

  test('doctor says whether what psapi listen would forward to answers', async () => {
    expect(await says(['--forward-to', receiver.url])).toEqual([
      0,
      expect.stringMatching(/^local port\tok\t.*answers 200 to a GET$/m),
    ])
    expect(await says(['--forward-to', 'http://127.0.0.1:1/'])).toEqual([
      5,
      expect.stringMatching(/^local port\tfailed\t.*ECONNREFUSED/m),
    ])
  })
})

describe('production', () => {
  test('a change asks first, and where nobody can be asked it names the flag', async () => {
    const real = await service.account('production')
    const env = { ...psapi.env, PSAPI_ACCOUNT: real.id, PSAPI_TOKEN: await service.token(real) }
    const other = elsewhere(env)
    const refused = await other.run(['producers', 'add', '77'])
    expect(refused).toMatchObject({ code: 2, stdout: '' })
    expect(refused.stderr).toBe(
      `PRODUCTION ${real.id}\n1 to add, 0 to remove; 0 unchanged, 0 repeated, 0 invalid; sends 1 events to 0 endpoints\n` +
        'error: add: add 1 and remove 0 producers in PRODUCTION? Nobody is there to ask.\nhint: Say --yes.\n',
    )
    expect(await other.json('producers', 'list')).toEqual([])
    expect(await other.json('producers', 'add', '77', '--yes', '--wait')).toMatchObject({ state: 'succeeded' })
    for (const args of [['run'], ['clock'], ['clock', '2026-03-06T15:30:00Z']]) {
      const played = await other.run(['sandbox', ...args, '--verbose'])
      expect(played).toMatchObject({ code: 2, stdout: '' })
      expect(played.stderr).not.toContain('/v1/sandbox')
    }
  })
})

describe('what goes wrong is one error on stderr, and an exit code', () => {
  test('1: a bug, which it asks to be told of', async () => {
    const broken = 'Intl.DateTimeFormat = class { constructor() { throw new TypeError("planted") } }'
    const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(broken)}`
    const ended = await psapi.run(['events', 'list'], { env: { NODE_OPTIONS } })
    expect(ended).toMatchObject({ code: 1, stdout: '' })
    expect(ended.stderr).toMatch(/error: This is a bug in psapi \S+: planted\nhint: Please report it, .*\n$/)
  })

  test('3: credentials that are wrong, or none', async () => {
    const wrong = await elsewhere({ ...psapi.env, PSAPI_TOKEN: 'wrong' }).run(['events', 'list', '--json'])
    expect(wrong).toMatchObject({ code: 3, stdout: '' })
    expect(JSON.parse(wrong.stderr)).toMatchObject({
      error: { status: 401, requestId: expect.any(String), hint: expect.any(String) },
    })
    const none = await elsewhere({ PSAPI_URL: service.url, PSAPI_ACCOUNT: account.id }).run(['events', 'list'])
    expect(none).toMatchObject({
      code: 3,
      stderr: 'error: Not signed in: profile default has no credentials.\nhint: psapi login\n',
    })
  })

  test('4: not found, with the request to ask about', async () => {
    const ended = await psapi.run(['events', 'get', 'msg_nothing'])
    expect(ended).toMatchObject({ code: 4, stdout: '' })
    expect(ended.stderr).toMatch(/^SANDBOX .*\nerror: .*\nhint: .*\nrequest: \S+\n$/)
  })

  test('5: nobody answers', async () => {
    const gone = createServer().listen(0, '127.0.0.1')
    await once(gone, 'listening')
    const url = `http://127.0.0.1:${(gone.address() as AddressInfo).port}`
    await new Promise((resolve) => gone.close(resolve))
    const ended = await elsewhere({ ...psapi.env, PSAPI_URL: url }).run(['catalog', 'list'])
    expect(ended).toMatchObject({ code: 5, stdout: '' })
    expect(ended.stderr).toContain(`${url} cannot be reached (ECONNREFUSED)`)
  })

  test('6: no answer in time; 8: too many requests; 5: what is no answer of ours; 503 is asked again', async () => {
    const replies: [number, string][] = []
    let retryAfter = '9'
    const server = createServer((_request, response) => {
      const [status, body] = replies.shift() ?? []
      if (status !== undefined) response.writeHead(status, { 'retry-after': retryAfter }).end(body) // else it hangs
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const other = elsewhere({ ...psapi.env, PSAPI_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
    expect(await other.run(['catalog', 'list', '--timeout', '0.3'])).toMatchObject({ code: 6 })
    replies.push([429, '{"code":"rate_limited","detail":"slow down"}'])
    expect(await other.run(['catalog', 'list'])).toMatchObject({
      code: 8,
      stderr: 'error: slow down\nhint: Try again in 9 s.\n',
    })
    replies.push([429, '{}'], [200, '{"data":[],"iterator":null,"done":true}'])
    retryAfter = '0'
    expect(await other.run(['catalog', 'list', '--retries', '1'])).toMatchObject({
      code: 0,
      stderr: 'too many requests; again in 0 s\n',
    })
    expect(await other.run(['catalog', 'list', '--retries', 'x'])).toMatchObject({ code: 2 })
    replies.push([200, '<html>'])
    expect((await other.run(['catalog', 'list'])).code).toBe(5)
    replies.push([503, '{}'], [503, '{}'], [200, '{"data":[{"name":"a"}],"iterator":"a","done":true}'])
    expect(await other.run(['catalog', 'list'])).toMatchObject({ code: 0, stdout: 'a\t-\t-\n' })
    server.closeAllConnections()
    server.close()
  })

  test('7: refused by the service, naming the field', async () => {
    const ended = await psapi.run(['endpoints', 'create', '--to', 'ftp://example.com'])
    expect(ended.code).toBe(7)
    expect(ended.stderr).toContain('error: url: ')
  })

  test('130: interrupted', async () => {
    const hanging = createServer(() => {})
    hanging.listen(0, '127.0.0.1')
    await once(hanging, 'listening')
    const child = psapi.start(['catalog', 'list'], {
      PSAPI_URL: `http://127.0.0.1:${(hanging.address() as AddressInfo).port}`,
    })
    await once(hanging, 'request')
    child.kill('SIGINT')
    expect(await once(child, 'close')).toEqual([130, null])
    hanging.closeAllConnections()
    hanging.close()
  })
})

test('whoever closes the pipe early is no fault', async () => {
  const child = psapi.start(['events', 'list', '--all', '--json'])
  child.stdout.destroy()
  expect(await once(child, 'close')).toEqual([0, null])
})

test('--curl prints each request as a command that can be run, without its secrets', async () => {
  const secret = `whsec_${Buffer.alloc(32, 5).toString('base64')}`
  const made = await psapi.run(
    ['endpoints', 'create', '--to', receiver.url, '--uid', 'curled', '--secret', 'env:OWN', '--curl'],
    { env: { OWN: secret } },
  )
  expect(made.code).toBe(0)
  expect(made.stderr).toContain('-H "authorization: Bearer $PSAPI_TOKEN"')
  for (const hidden of [secret, psapi.env.PSAPI_TOKEN ?? '']) expect(made.stderr).not.toContain(hidden)
  const read = await psapi.run(['endpoints', 'get', 'curled', '--curl', '--json'])
  const [line = ''] = /^curl .*\/endpoint\/curled.*$/m.exec(read.stderr) ?? []
  const [, url = ''] = /'(http\S+)'/.exec(line) ?? []
  const headers = { authorization: `Bearer ${psapi.env.PSAPI_TOKEN}` }
  expect(await (await fetch(url, { headers })).json()).toEqual(JSON.parse(read.stdout))
  expect((await psapi.run(['endpoints', 'delete', 'curled'])).code).toBe(0)
})

test('nothing that was printed or logged holds a credential', () => {
  expect(service.logLines.join('')).not.toContain(client.secret)
})
