import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sign } from '@producersync/webhooks/node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildPsapi, Psapi } from './psapi.ts'

/** Commands that need no service, each as a process. */

const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const body = '{"id": "evt_1", "type": "a.b", "timestamp": "2026-03-06T15:02:11.004Z", "data": {}}'
const signed = sign({ id: 'msg_1', timestamp: 1_700_000_000, body, secrets: secret })
const headers = Object.entries(signed).flatMap(([name, value]) => ['--header', `${name}: ${value}`])
const at = ['--at', '1700000000']
let psapi: Psapi
let removeBuilt: () => void

beforeAll(() => {
  removeBuilt = buildPsapi()
  psapi = new Psapi({ SECRET: secret, OTHER: `whsec_${Buffer.alloc(32, 7).toString('base64')}` })
})
afterAll(() => {
  rmSync(psapi.home, { recursive: true })
  removeBuilt()
})

describe('verify', () => {
  const verify = (stdin: string | Buffer, ...more: string[]) =>
    psapi.run(['verify', '--secret', 'env:SECRET', ...headers, ...at, ...more], { stdin })

  test('0 for a webhook that is signed, by flags or as a raw request, also when it is no event', async () => {
    expect(await verify(body)).toEqual({ code: 0, stdout: 'verified\n', stderr: '' })
    expect(await verify(body, '--json')).toMatchObject({ code: 0, stdout: '{"verified":true}\n' })
    const lines = Object.entries(signed).map(([name, value]) => `${name}: ${value}\r\n`)
    writeFileSync(join(psapi.home, 'request.http'), `POST / HTTP/1.1\r\nhost: x\r\n${lines.join('')}\r\n${body}`)
    const request = ['verify', '--secret', 'env:SECRET', '--request', 'request.http', ...at]
    expect(await psapi.run(request)).toMatchObject({ code: 0, stdout: 'verified\n' })
    const text = body.replace('"data": {}', '"data": {"name": "O\'Hara \\"Zoë\\""}')
    const named = sign({ id: 'msg_1', timestamp: 1_700_000_000, body: text, secrets: secret })
    const quoted = (word: string) => `'${word.replaceAll("'", "'\\''")}'`
    const flagged = Object.entries(named).map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`)
    for (const [file, command] of [
      [
        'portal.sh',
        [`curl -X POST 'https://example.com/'`, ...flagged, `--data-binary ${quoted(text)}`].join(' \\\n  '),
      ],
      [
        'browser.sh',
        `curl https://example.com/ ${flagged.join(' ')} --data-raw $'${text.replaceAll("'", "\\'").replaceAll('\\"', '\\\\"')}'`,
      ],
      ['double.sh', `curl "https://example.com/" ${flagged.join(' ')} -d "${text.replaceAll(/["\\]/g, '\\$&')}"`],
    ] as const) {
      writeFileSync(join(psapi.home, file), `${command}\n`)
      const asked = ['verify', '--secret', 'env:SECRET', '--request', file, ...at]
      expect(await psapi.run(asked), file).toMatchObject({ code: 0, stdout: 'verified\n' })
    }
    const other = sign({ id: 'msg_1', timestamp: 1_700_000_000, body: '[1]', secrets: secret })
    const flags = Object.entries(other).flatMap(([name, value]) => ['--header', `${name}: ${value}`])
    const ended = await psapi.run(['verify', '--secret', 'env:SECRET', ...flags, ...at], { stdin: '[1]' })
    expect(ended).toMatchObject({ code: 0, stdout: 'verified (invalid_event)\n' })
  })

  test.each<[string, () => ReturnType<typeof verify>, string]>([
    [
      'another secret',
      () => psapi.run(['verify', '--secret', 'env:OTHER', ...headers, ...at], { stdin: body }),
      'secret',
    ],
    ['an old timestamp', () => verify(body, '--at', '1700000301'), '301 s behind'],
    [
      'id and timestamp in each other’s place',
      () => {
        const [id, timestamp] = [signed['webhook-id'], signed['webhook-timestamp']]
        const wrong = [`webhook-id: ${timestamp}`, `webhook-timestamp: ${id}`, headers.at(-1) ?? '']
        return psapi.run(['verify', '--secret', 'env:SECRET', '--header', ...wrong, ...at], { stdin: body })
      },
      'swapped',
    ],
    ['a lost line break', () => verify(`${body}\n`), 'line break at its end'],
    ['a byte order mark', () => verify(`\uFEFF${body}`), 'byte order mark'],
    ['a changed body', () => verify(body.replace('evt_1', 'evt_2')), 'raw bytes'],
    [
      'a missing header',
      () => psapi.run(['verify', '--secret', 'env:SECRET', ...headers.slice(2), ...at], { stdin: body }),
      'webhook-id',
    ],
  ])('9 for %s, saying what it is', async (_, run, says) => {
    const ended = await run()
    expect(ended).toMatchObject({ code: 9, stdout: '' })
    expect(ended.stderr).toContain(says)
    expect(ended.stderr).not.toContain(secret.slice(6))
  })

  test('9 for a body that a framework parsed and wrote again', async () => {
    const compact = JSON.stringify(JSON.parse(body))
    const { 'webhook-signature': signature } = sign({
      id: 'msg_1',
      timestamp: 1_700_000_000,
      body: compact,
      secrets: secret,
    })
    const flags = [...headers.slice(0, 4), '--header', `webhook-signature: ${signature}`]
    const ended = await psapi.run(['verify', '--secret', 'env:SECRET', ...flags, ...at, '--json'], { stdin: body })
    expect(ended.code).toBe(9)
    expect(JSON.parse(ended.stderr)).toMatchObject({
      error: { code: 'no_matching_signature', hint: expect.stringContaining('your framework parsed it') },
    })
  })
})

test('sign prints the headers, or a cURL command, of what verifies', async () => {
  const flags = ['sign', '--secret', 'env:SECRET', '--id', 'msg_1', ...at]
  const lines = Object.entries(signed).map(([name, value]) => `${name}: ${value}\n`)
  expect(await psapi.run(flags, { stdin: body })).toEqual({ code: 0, stdout: lines.join(''), stderr: '' })
  expect(JSON.parse((await psapi.run([...flags, '--json'], { stdin: body })).stdout)).toEqual(signed)
  const curl = await psapi.run([...flags, '--curl', 'http://localhost/'], { stdin: `{"it's":1}` })
  expect(curl.stdout).toMatch(/^curl -sS 'http:\/\/localhost\/' \\\n(.|\n)*--data-binary '\{"it'\\''s":1\}'\n$/)
  expect(await psapi.run(['sign', '--secret', 'env:SECRET', '--id', 'a.b'], { stdin: body })).toMatchObject({ code: 2 })
})

describe('2: what the user can mend', () => {
  test.each([
    [['endpont'], 'Did you mean endpoints?'],
    [['endpoints', 'lst'], 'Did you mean list?'],
    [['endpoints', 'create'], '--to'],
    [['endpoints', 'list'], 'PSAPI_URL'],
    [['--url', 'not a url', 'catalog', 'list', '--account', 'x'], 'no web address'],
    [['replay', 'start', '--endpoint', 'a', '--from', 'x', '--kind', 'toString'], 'recover, missing, all'],
    [['deliveries', 'export', '--format', 'xml'], 'csv, ndjson'],
    [['verify', '--secret', 'env:NOTHING'], 'nothing where the secret should be'],
    [['config', 'set', 'token', 'x'], 'psapi login'],
    [['completion', 'toString'], 'bash, zsh, fish, powershell'],
    [['producers', 'add', '--file', 'nowhere'], 'cannot be read'],
  ])('%j', async (args, says) => {
    const ended = await psapi.run(args, { env: { PSAPI_TOKEN: 'x' } })
    expect(ended).toMatchObject({ code: 2, stdout: '' })
    expect(ended.stderr).toMatch(/^error: /)
    expect(ended.stderr).toContain(says)
  })

  test('a file of profiles that others can read', async () => {
    const file = join(psapi.home, 'psapi', 'config.toml')
    mkdirSync(join(file, '..'), { recursive: true })
    writeFileSync(file, '[profiles.default]\nurl = "http://localhost:1"\n')
    chmodSync(file, 0o644)
    expect(await psapi.run(['config', 'show'])).toMatchObject({ code: 2, stderr: expect.stringContaining('chmod 600') })
    chmodSync(file, 0o600)
    expect(await psapi.run(['config', 'show'])).toMatchObject({ code: 0 })
    rmSync(file)
  })

  test('a credential or an address in the file of a project', async () => {
    const project = join(psapi.home, '.psapi.toml')
    writeFileSync(project, 'account = "app_1"\n')
    expect((await psapi.run(['config', 'show'])).stdout).toContain(`account\tapp_1\t${project}\n`)
    writeFileSync(project, 'token = "appsk_very_secret"\n')
    const ended = await psapi.run(['config', 'show'])
    expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining('holds a credential') })
    expect(ended.stderr).not.toContain('very_secret')
    writeFileSync(project, 'url = "https://elsewhere.example"\n') // it would be sent the credentials of the user
    expect(await psapi.run(['config', 'show'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('url is not a setting'),
    })
    rmSync(project)
  })
})

test('settings come from flags before the environment before the files, and secrets are not shown', async () => {
  await psapi.run(['config', 'set', 'url', 'http://file'])
  await psapi.run(['config', 'set', 'account', 'app_file'])
  const env = { PSAPI_ACCOUNT: 'app_env', PSAPI_TOKEN: 'appsk_0123456789abcdef' }
  const { stdout } = await psapi.run(['config', 'show', '--url', 'http://flag', '--json'], { env })
  expect(JSON.parse(stdout)).toMatchObject({
    url: { value: 'http://flag', origin: '--url' },
    account: { value: 'app_env', origin: 'PSAPI_ACCOUNT' },
    token: { value: 'appsk_…cdef', origin: 'PSAPI_TOKEN' },
  })
  expect(JSON.parse((await psapi.run(['config', 'show', '--json'])).stdout)).toMatchObject({
    url: { value: 'http://file' },
    account: { value: 'app_file' },
  })
})

test.each(['bash', 'zsh', 'fish', 'powershell'])('completion for %s names commands and flags', async (shell) => {
  const { code, stdout } = await psapi.run(['completion', shell])
  expect(code).toBe(0)
  for (const word of ['endpoints', 'rotate', 'overlap']) expect(stdout).toContain(word)
})
