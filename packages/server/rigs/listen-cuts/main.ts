import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startReceiver } from '../../test/receiver.ts'
import { ServiceHome, ServiceProcess } from '../../test/service-process.ts'
import { type CuttingProxy, startCuttingProxy } from './cutting-proxy.ts'

const HELP = `Listens with the real psapi while its connections are cut and the service is restarted: each event once, in the order of commits.

Usage: npm run -s listen-cuts -- [options]

  --events N   events to accept, one after the other, 10 to 100000; default 1000
  --cuts N     cuts while they are accepted, 0 to 1000; default 100
  --restarts N kill -9 of the service and a new start, spread over them, 0 to 20; default 1
  --json       the last line, one JSON object, alone
  --help       this text

Exit codes: 0 each came once and in order, 1 one was lost, doubled or out of order, 2 wrong usage or could not run.
`
const PSAPI = fileURLToPath(new URL('../../../cli/src/main.ts', import.meta.url))
/** Longest wait for what is accepted to come in the end: the longest wait for a connection, and some more. */
const LAST_MS_MAX = 60_000
const LOOK_MS = 20

type Options = { events: number; cuts: number; restarts: number; json: boolean }

function readOptions(): Options | 'help' {
  const { values } = parseArgs({
    options: {
      events: { type: 'string', default: '1000' },
      cuts: { type: 'string', default: '100' },
      restarts: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return 'help'
  const [events, cuts, restarts] = [Number(values.events), Number(values.cuts), Number(values.restarts)]
  if (!(Number.isInteger(events) && events >= 10 && events <= 100_000)) throw new RangeError('--events')
  if (!(Number.isInteger(cuts) && cuts >= 0 && cuts <= 1_000)) throw new RangeError('--cuts')
  if (!(Number.isInteger(restarts) && restarts >= 0 && restarts <= 20)) throw new RangeError('--restarts')
  return { events, cuts, restarts, json: values.json }
}

/** A `psapi listen` of its own process: how often it was ready, and what it has had. */
async function listen(proxy: CuttingProxy, { key, account }: { key: string; account: string }, forwardTo: string) {
  const home = mkdtempSync(join(tmpdir(), 'listen-cuts-'))
  const child = spawn(process.execPath, [PSAPI, 'listen', '--forward-to', forwardTo, '--json'], {
    env: { XDG_CONFIG_HOME: home, PSAPI_URL: proxy.url, PSAPI_TOKEN: key, PSAPI_ACCOUNT: account },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const seen = { ready: 0, gaps: 0, answered: 0, secret: '' }
  createInterface({ input: child.stdout }).on('line', (text) => {
    const line: { event?: string; secret?: string } = JSON.parse(text)
    if (line.event === 'ready') seen.ready += 1
    if (line.event === 'gap') seen.gaps += 1
    if (line.event === 'answered') seen.answered += 1
    seen.secret = line.secret ?? seen.secret
  })
  const stop = async () => {
    if (child.exitCode === null) {
      child.kill('SIGINT')
      await once(child, 'close')
    }
    rmSync(home, { recursive: true })
  }
  return { seen, stop }
}

async function until(isSo: () => boolean, what: string): Promise<void> {
  const giveUpAt = performance.now() + LAST_MS_MAX
  while (!isSo()) {
    if (performance.now() > giveUpAt) throw new Error(`${what} did not come`)
    await sleep(LOOK_MS)
  }
}

async function run({ events, cuts, restarts: restartsWanted }: Options) {
  const closing: (() => Promise<unknown>)[] = []
  try {
    const home = await ServiceHome.shared()
    closing.push(() => home.remove())
    const receiver = await startReceiver()
    closing.push(() => receiver.close())
    const proxy = await startCuttingProxy()
    closing.push(() => proxy.close())
    let service = await ServiceProcess.main(home)
    closing.push(() => service.close())
    proxy.leadTo(service.url)
    const account = await service.account('sandbox')
    const listener = await listen(proxy, { key: account.key, account: account.id }, receiver.url)
    closing.push(() => listener.stop())
    await until(() => listener.seen.ready > 0, 'the first connection')
    receiver.trust(listener.seen.secret)

    const accepted: string[] = []
    let made = 0
    let restarts = 0
    const spacing = events / (cuts + 1)
    while (accepted.length < events) {
      const { id }: { id: string } = await service.message(account, { payload: { n: accepted.length } })
      accepted.push(id)
      // a cut counts when there was a connection: the next one waits for it
      if (made < cuts && accepted.length >= (made + 1) * spacing) {
        await until(() => listener.seen.ready > made + restarts, 'a connection')
        proxy.cut()
        made += 1
      }
      if (restarts < restartsWanted && accepted.length >= ((restarts + 1) * events) / (restartsWanted + 1)) {
        await until(() => listener.seen.ready > made + restarts, 'a connection')
        await service.end('SIGKILL')
        service = await ServiceProcess.main(home)
        proxy.leadTo(service.url)
        restarts += 1
      }
    }
    const came = () => receiver.verified.map(({ messageId }) => messageId)
    await until(() => came().length >= events || listener.seen.gaps > 0, 'the last event').catch(() => undefined)
    return { ...judge(accepted, came()), events, cuts: made, restarts, gaps: listener.seen.gaps }
  } finally {
    for (const close of closing.reverse()) await close()
  }
}

function judge(accepted: readonly string[], came: readonly string[]) {
  const once = new Set(came)
  const lost = accepted.filter((id) => !once.has(id)).length
  const inOrder = came.every(
    (id, index) => index === 0 || accepted.indexOf(came[index - 1] ?? '') < accepted.indexOf(id),
  )
  return { came: came.length, lost, doubled: came.length - once.size, inOrder }
}

async function main(): Promise<number> {
  const options = readOptions()
  if (options === 'help') {
    process.stdout.write(HELP)
    return 0
  }
  const startedAt = performance.now()
  const report = await run(options)
  const seconds = Math.round((performance.now() - startedAt) / 1000)
  const isGood = report.lost === 0 && report.doubled === 0 && report.inOrder && report.gaps === 0
  const verdict = isGood ? 'each event came once, in order' : 'an event was lost, doubled or out of order'
  if (!options.json) process.stdout.write(`${verdict}: ${report.events} events, ${report.cuts} cuts, ${seconds} s\n`)
  process.stdout.write(`${JSON.stringify({ verdict, ...report, seconds })}\n`)
  return isGood ? 0 : 1
}

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${HELP}`)
  process.exitCode = 2
}
