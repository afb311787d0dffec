import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { fileURLToPath } from 'node:url'
import { generateSecret, sign } from '@producersync/webhooks/node'
import { afterEach, expect, test } from 'vitest'

const program = fileURLToPath(new URL('./listen.ts', import.meta.url))
const secret = generateSecret()
const event = {
  id: 'evt_3AZoD9ju2bxg58Q4PC2Ut9ld7gH',
  type: 'producersync.npn.activated',
  timestamp: '2026-03-06T15:02:11.004Z',
  data: { npn: '912484758' },
}
const messageId = 'msg_3AZoD9ju2bxg58Q4PC2Ut9ld7gH'
const running = new Set<ChildProcess>()

afterEach(() => {
  for (const child of running) child.kill('SIGKILL')
  running.clear()
})

/** Text that grows, and can be waited for. */
class Output {
  text = ''
  readonly ended: Promise<unknown>
  readonly #stream: NodeJS.ReadableStream

  constructor(stream: NodeJS.ReadableStream) {
    this.#stream = stream.setEncoding('utf8').on('data', (chunk: string) => {
      this.text += chunk
    })
    this.ended = once(stream, 'end')
  }

  /** The first `count` whole lines, once they are there. */
  async lines(count: number): Promise<string[]> {
    while (this.text.split('\n').length <= count) await once(this.#stream, 'data')
    return this.text.split('\n').slice(0, count)
  }
}

function run(args: string[], environment: Record<string, string> = {}) {
  const { PSAPI_WEBHOOK_SECRETS: _, ...inherited } = process.env
  const child = spawn(process.execPath, [program, ...args], { env: { ...inherited, ...environment } })
  running.add(child)
  const stdout = new Output(child.stdout)
  const stderr = new Output(child.stderr)
  const exited = once(child, 'exit').then(async ([code]) => {
    await Promise.all([stdout.ended, stderr.ended])
    return { code, stdout: stdout.text, stderr: stderr.text }
  })
  return { child, stdout, stderr, exited }
}

async function startListener(args: string[] = [], environment: Record<string, string> = {}) {
  const listener = run(['--port', '0', ...args], environment)
  const [line = ''] = await listener.stderr.lines(1)
  const url = /http:\S+/.exec(line)?.[0]
  if (!url) throw new Error(`no URL in: ${line}`)
  return { ...listener, url }
}

type Webhook = { id?: string; body?: string | Uint8Array; secrets?: string; headers?: Record<string, string> }

async function send(
  url: string,
  { id = messageId, body = JSON.stringify(event), secrets = secret, headers }: Webhook = {},
) {
  const signed = sign({ id, timestamp: Math.floor(Date.now() / 1000), body, secrets })
  const response = await fetch(url, { method: 'POST', body, headers: { ...signed, ...headers } })
  await response.arrayBuffer()
  return response.status
}

test('a webhook is printed with when it came, type, message id, npn, attempt and verdict, and answered with 200', async () => {
  const { url, stdout } = await startListener(['--secret', secret])
  expect(await send(url)).toBe(200)
  const [line = ''] = await stdout.lines(1)
  const [came = '', ...others] = line.split('  ')
  expect(Math.abs(Date.parse(came) - Date.now())).toBeLessThan(60_000)
  expect(others).toEqual([event.type, messageId, 'npn 912484758', 'attempt 1', 'answered 200', 'verified'])
})

test('runDate is printed of updates_available, and secrets come from the environment', async () => {
  const secrets = `${generateSecret()} ${secret}`
  const { url, stdout } = await startListener([], { PSAPI_WEBHOOK_SECRETS: secrets })
  const updates = { ...event, type: 'producersync.updates_available', data: { runDate: '2026-03-06' } }
  await send(url, { body: JSON.stringify(updates) })
  const [line] = await stdout.lines(1)
  expect(line).toMatch(/updates_available .* runDate 2026-03-06 .* verified$/)
})

test('it says why a webhook is not verified, and still answers 200', async () => {
  const { url, stdout } = await startListener(['--secret', secret])
  expect(await send(url, { secrets: generateSecret() })).toBe(200)
  expect(await send(url, { headers: { 'webhook-timestamp': '1' } })).toBe(200)
  const [wrongSecret, old] = await stdout.lines(2)
  expect(wrongSecret).toContain('not verified: no_matching_signature: ')
  expect(old).toContain('not verified: timestamp_out_of_range: ')
})

test('without a secret every webhook is "not verified: no secret given"', async () => {
  const { url, stdout, stderr } = await startListener()
  expect(await send(url)).toBe(200)
  expect((await stdout.lines(1))[0]).toMatch(/not verified: no secret given$/)
  expect((await stderr.lines(2))[1]).toContain('PSAPI_WEBHOOK_SECRETS')
})

test('a body that is signed but not the envelope is verified', async () => {
  const { url, stdout } = await startListener(['--secret', secret])
  await send(url, { body: '{"success":true}' })
  await send(url, { body: 'plain text' })
  const [object, text] = await stdout.lines(2)
  expect(object).toMatch(/^\S+Z {2}\(not an event\) .* verified: invalid_event: /)
  expect(text).toMatch(/^\S+Z {2}\(not an event\) .* verified: invalid_json: /)
})

test('attempts are counted for each message', async () => {
  const { url, stdout } = await startListener(['--json'])
  for (const id of ['msg_a', 'msg_b', 'msg_a', 'msg_a']) await send(url, { id })
  const lines = (await stdout.lines(4)).map((line) => JSON.parse(line))
  expect(lines.map((line) => [line.messageId, line.attempt])).toEqual([
    ['msg_a', 1],
    ['msg_b', 1],
    ['msg_a', 2],
    ['msg_a', 3],
  ])
})

test('--json prints one object for each webhook and nothing else', async () => {
  const { url, stdout, child, exited } = await startListener(['--json', '--secret', secret])
  await send(url)
  await send(url, { body: '[1,2]', secrets: generateSecret() })
  await stdout.lines(2)
  child.kill('SIGTERM')
  const [good, bad, ...rest] = (await exited).stdout.split('\n')
  expect(JSON.parse(good ?? '')).toEqual({
    receivedAt: expect.stringMatching(/^\d{4}-.*Z$/),
    verified: true,
    messageId,
    attempt: 1,
    eventId: event.id,
    type: event.type,
    timestamp: event.timestamp,
    data: event.data,
    answer: 200,
  })
  expect(JSON.parse(bad ?? '')).toMatchObject({ verified: false, why: expect.stringMatching(/^no_matching_signature/) })
  expect(rest).toEqual([''])
})

test('--fail 3 answers 500 three times, then 200', async () => {
  const { url } = await startListener(['--fail', '3'])
  const answers: number[] = []
  for (let i = 0; i < 5; i += 1) answers.push(await send(url))
  expect(answers).toEqual([500, 500, 500, 200, 200])
})

test('--status 503 answers that always, --fail comes before it', async () => {
  const { url } = await startListener(['--status', '503', '--fail', '1'])
  expect([await send(url), await send(url), await send(url)]).toEqual([500, 503, 503])
})

test('--delay waits before the answer; the webhook is printed before that', async () => {
  const { url, stdout } = await startListener(['--delay', '150ms'])
  const sentAt = performance.now()
  const answer = send(url)
  await stdout.lines(1)
  expect(await answer).toBe(200)
  expect(performance.now() - sentAt).toBeGreaterThanOrEqual(150)
})

test('SIGINT and SIGTERM end it with 0, also while an answer is being delayed', async () => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    const { url, stdout, child, exited } = await startListener(['--delay', '60s'])
    const answer = send(url).catch(() => 'cut off')
    await stdout.lines(1)
    child.kill(signal)
    expect(await exited).toMatchObject({ code: 0 })
    expect(await answer).toBe('cut off')
  }
})

test('a sender that goes away, before or during a delay, does no harm', async () => {
  const { url, stdout } = await startListener(['--delay', '60s'])
  const half = httpRequest(url, { method: 'POST', headers: { 'content-length': 100 } }).on('error', () => {})
  half.write('{"half":')
  await once(half, 'socket')
  half.destroy()
  const impatient = new AbortController()
  const gone = fetch(url, { method: 'POST', body: '{}', signal: impatient.signal }).catch(() => 'gone')
  await stdout.lines(1)
  impatient.abort()
  expect(await gone).toBe('gone')
  void send(url).catch(() => 'cut off')
  await stdout.lines(2)
  expect((await fetch(url)).status).toBe(405)
})

test('--path takes webhooks there only; other methods than POST are refused', async () => {
  const { url, stdout } = await startListener(['--path', '/webhooks', '--json'])
  expect(url).toMatch(/\/webhooks$/)
  expect(await send(url.replace('webhooks', 'other'))).toBe(404)
  expect((await fetch(url)).status).toBe(405)
  expect(await send(`${url}?a=1`)).toBe(200)
  expect(stdout.text.split('\n')).toHaveLength(2)
})

test('a body of 1 MiB is taken, one byte more is 413 and not printed', async () => {
  const { url, stdout } = await startListener(['--secret', secret])
  const mebibyte = Buffer.from(JSON.stringify('x'.repeat(1_048_574)))
  expect(await send(url, { body: mebibyte })).toBe(200)
  expect((await stdout.lines(1))[0]).toContain('verified')
  expect(await send(url, { body: Buffer.concat([mebibyte, Buffer.from(' ')]) })).toBe(413)
  expect(stdout.text.split('\n')).toHaveLength(2)
})

test('what a sender writes cannot steer the terminal', async () => {
  const { url, stdout } = await startListener()
  await send(url, { body: JSON.stringify({ ...event, type: 'a\u001b[2Jb\nc', data: { npn: '1\u009b2' } }) })
  const [line] = await stdout.lines(1)
  expect(line).toContain('a?[2Jb?c')
  expect(line).toContain('npn 1?2')
})

test.each([
  [['--port', '70000'], '--port'],
  [['--port', '3x'], '--port'],
  [['--port', '-1'], '--port'],
  [['--fail', '1.5'], '--fail'],
  [['--delay', '6'], '--delay'],
  [['--delay', '2h'], '--delay'],
  [['--delay', '601s'], '--delay'],
  [['--status', '100'], '--status'],
  [['--path', 'webhooks'], '--path'],
  [['--secret', 'whsec_short'], '--secret'],
  [['--secret'], '--secret'],
  [['--json=yes'], '--json'],
  [['--prot', '3000'], '--prot'],
  [['extra'], 'extra'],
])('%j ends it with 2, naming %s', async (args, named) => {
  const { code, stdout, stderr } = await run(args).exited
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toContain(named)
  expect(stderr.trim().split('\n')).toHaveLength(1)
})

test('a bad PSAPI_WEBHOOK_SECRETS ends it with 2, naming it and not the secret', async () => {
  const { code, stderr } = await run([], { PSAPI_WEBHOOK_SECRETS: `${secret} whsec_marked` }).exited
  expect(code).toBe(2)
  expect(stderr).toContain('PSAPI_WEBHOOK_SECRETS')
  expect(stderr).not.toContain('marked')
})

test('a port that is taken is a clear error', async () => {
  const { url } = await startListener()
  const { code, stderr } = await run(['--port', new URL(url).port]).exited
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/^listen: --port: another program .*\n$/) })
})

test('a host that this machine does not have is a clear error', async () => {
  const { code, stderr } = await run(['--port', '0', '--host', '192.0.2.1']).exited
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/^listen: --host: .*\n$/) })
})

test('when the reader of its output goes away, it ends with 0', async () => {
  const { url, child } = await startListener()
  child.stdout.destroy()
  await send(url).catch(() => 'cut off')
  expect((await once(child, 'exit'))[0]).toBe(0)
})

test('--help explains every flag, with examples', async () => {
  const { code, stdout } = await run(['--help']).exited
  expect(code).toBe(0)
  for (const flag of ['port', 'host', 'path', 'secret', 'fail', 'status', 'delay', 'json']) {
    expect(stdout).toContain(`--${flag}`)
  }
  expect(stdout).toContain('Examples:')
})
