import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * `npm start` as a stranger types it, twice on one folder: ready in time, ended by a signal with exit code 0, and what the
 * first start gave out still counts at the second.
 */

const READY_MS_MAX = 60_000
const STOP_MS_MAX = 20_000

type Credentials = { id: string; secret: string }
type Running = { npm: ChildProcess; shown: string; readyAfterMs: number }

const dataDir = mkdtempSync(join(tmpdir(), 'start-'))
chmodSync(dataDir, 0o711) // as root, the database runs as somebody else

async function start(): Promise<Running> {
  const startedAtMs = performance.now()
  const npm = spawn('npm', ['start'], {
    env: { ...process.env, PORT: '0', ADMIN_PORT: '0', PSAPI_SERVER_DATA_DIR: dataDir },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const late = setTimeout(() => npm.kill('SIGTERM'), READY_MS_MAX)
  let shown = ''
  for await (const text of npm.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    shown += text
    if (!shown.includes('Ctrl-C stops it')) continue
    clearTimeout(late)
    return { npm, shown, readyAfterMs: performance.now() - startedAtMs }
  }
  throw new Error(`npm start ended, or was not ready within ${READY_MS_MAX / 1_000} s`)
}

async function stop({ npm }: Running, signal: 'SIGTERM' | 'SIGINT'): Promise<number> {
  const askedAtMs = performance.now()
  const late = setTimeout(() => npm.kill('SIGKILL'), STOP_MS_MAX)
  const ended = once(npm, 'exit')
  npm.kill(signal)
  await ended
  clearTimeout(late)
  assert.equal(npm.exitCode, 0, `exit code after ${signal}`)
  return performance.now() - askedAtMs
}

async function checkAnswers({ shown }: Running, { id, secret }: Credentials): Promise<void> {
  const [, url, adminUrl] = /API: (\S+) +Probes and metrics: (\S+)/.exec(shown) ?? []
  assert.equal((await fetch(`${adminUrl}/readyz`)).status, 200, '/readyz')
  const authorization = `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
  const body = new URLSearchParams({ grant_type: 'client_credentials' })
  const answer = await fetch(`${url}/oauth2/token`, { method: 'POST', headers: { authorization }, body })
  assert.equal(answer.status, 200, '/oauth2/token')
}

function credentialsIn(text: string): Credentials | undefined {
  const id = /export PSAPI_CLIENT_ID=(\S+)/.exec(text)?.[1]
  const secret = /export PSAPI_CLIENT_SECRET=(\S+)/.exec(text)?.[1]
  return id && secret ? { id, secret } : undefined
}

/** Command lines of processes that work on the folder. */
function processesOf(folder: string): string[] {
  const lines = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
      } catch {
        return '' // it has ended meanwhile
      }
    })
  return lines.filter((line) => line.includes(folder))
}

const first = await start()
const credentials = credentialsIn(first.shown)
assert.ok(credentials, 'the first start shows credentials')
await checkAnswers(first, credentials)
const firstStopMs = await stop(first, 'SIGTERM')

const second = await start()
await checkAnswers(second, credentials)
assert.equal(credentialsIn(second.shown), undefined, 'the second start shows no credentials')
const secondStopMs = await stop(second, 'SIGINT')

for (let tries = 0; tries < 50 && processesOf(dataDir).length > 0; tries += 1) await sleep(200) // what is ending may take its moment
assert.deepEqual(processesOf(dataDir), [], 'processes left')
rmSync(dataDir, { recursive: true })

const times = [first.readyAfterMs, firstStopMs, second.readyAfterMs, secondStopMs].map((ms) => `${Math.round(ms)} ms`)
process.stdout.write(`ready after ${times[0]}, stopped in ${times[1]}; again: ${times[2]}, ${times[3]}\n`)
