import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { examples, signedRequest } from '@producersync/webhooks/testing'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { RECEIVER_PATH, type Receiver, receivers } from '../src/commands/receivers.ts'
import { SECRET } from './samples.ts'

/** The programs that `psapi init` writes, each as it is, in its framework. */

const PACKAGE = fileURLToPath(new URL('..', import.meta.url))
const otherSecret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
/** Ports that others may take before a program does. */
const PORTS_MAX = 5
const children: ChildProcess[] = []
/** In the package, so that the programs find what they import. */
let folder: string

beforeAll(() => {
  mkdirSync(join(PACKAGE, '.cache'), { recursive: true })
  folder = mkdtempSync(join(PACKAGE, '.cache', 'receivers-'))
})
afterAll(async () => {
  for (const child of children) {
    const ended = child.exitCode === null ? once(child, 'close') : undefined
    child.kill()
    await ended
  }
  rmSync(folder, { recursive: true })
})

type Send = (request: Request) => Promise<Response>

function written(framework: string): { path: string; receiver: Receiver } {
  const receiver = receivers[framework]
  if (!receiver) throw new Error(`there is no ${framework}`)
  const path = join(folder, framework, receiver.file)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, receiver.source)
  return { path, receiver }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  return port
}

/** Runs it as it says that it is run; on another port when somebody else has taken the free one meanwhile. */
async function started(path: string, receiver: Receiver): Promise<{ send: Send; said: () => string }> {
  expect(receiver.start).toBe('node --env-file=.env receiver.mjs')
  writeFileSync(join(dirname(path), '.env'), `PSAPI_WEBHOOK_SECRETS=${SECRET}\n`)
  let said = ''
  let url = ''
  for (let tries = 0; tries === 0 || (tries < PORTS_MAX && said.includes('EADDRINUSE')); tries += 1) {
    const port = await freePort()
    said = ''
    url = `http://127.0.0.1:${port}${RECEIVER_PATH}`
    const child = spawn(process.execPath, ['--env-file=.env', 'receiver.mjs'], {
      cwd: dirname(path),
      env: { PORT: String(port), NO_COLOR: '1' },
    })
    children.push(child)
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (said += text.toString()))
    await expect.poll(() => said).toMatch(/receiving on|EADDRINUSE/)
  }
  expect(said).toContain(`receiving on ${url}`)
  const send: Send = async (request) =>
    await fetch(url, { method: 'POST', headers: request.headers, body: await request.arrayBuffer() })
  return { send, said: () => said }
}

/** A good webhook, its repeat, and one that is signed with another secret. */
async function statusesOf(send: Send): Promise<number[]> {
  const event = examples['producersync.npn.activated']
  const statuses: number[] = []
  for (const secret of [SECRET, SECRET, otherSecret]) {
    statuses.push((await send(await signedRequest(event, secret))).status)
  }
  return statuses
}

test.each(['node', 'express', 'fastify'])('%s: started, it verifies what comes, and says so', async (framework) => {
  const { path, receiver } = written(framework)
  const { send, said } = await started(path, receiver)
  expect(await statusesOf(send)).toEqual([200, 200, 401])
  await expect.poll(said).toMatch(/^verified producersync\.npn\.activated evt_\S+ \{ npn: '912484758' \}$/m)
  await expect.poll(said).toMatch(/^refused .*signature/m)
  expect(said().match(/^verified/gm)).toHaveLength(1)
})

describe('in a framework that serves it', () => {
  const log = vi.spyOn(console, 'log').mockReturnValue()
  const error = vi.spyOn(console, 'error').mockReturnValue()
  beforeAll(() => vi.stubEnv('PSAPI_WEBHOOK_SECRETS', SECRET))
  afterAll(() => {
    vi.unstubAllEnvs()
    log.mockRestore()
    error.mockRestore()
  })

  const sends: Readonly<Record<string, (path: string) => Promise<Send>>> = {
    hono: async (path) => {
      const { default: app } = await import(path)
      return async (request) => await app.request(RECEIVER_PATH, request)
    },
    next: async (path) => (await import(path)).POST,
  }

  test.each(Object.entries(sends))('%s: it verifies what comes', async (framework, load) => {
    expect(await statusesOf(await load(written(framework).path))).toEqual([200, 200, 401])
  })

  test('none is left out', () => {
    expect(['node', 'express', 'fastify', ...Object.keys(sends)]).toEqual(Object.keys(receivers))
  })
})
