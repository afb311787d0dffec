import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { DatabaseClock } from '#src/adapters/clock.ts'
import { type Npn, parseNpn } from '#src/population/npn.ts'
import { type Days, DEFAULT_HOLIDAYS } from '#src/simulator/business-days.ts'
import { detailXml } from '#src/simulator/detail-xml.ts'
import { isNamed, producerAt } from '#src/simulator/truth.ts'
import type { Producer } from '#src/simulator/world.ts'
import { DetailReader } from '#src/updates/feed/detail-report.ts'
import { NiprClient } from '#src/updates/feed/nipr-client.ts'
import { type LocalDate, parseLocalDate } from '#src/updates/local-date.ts'

// What reading costs: CPU per detail report (making it, writing it, reading it), and the memory and speed of one huge alert report.
const USAGE = 'npm run -s feed -- [--json] [--reports 5000] [--alert-mib 1024] [--memory-mib 512]'
const WORLD = { seed: 'rig', changeShare: 0.03, appointmentsAverage: 6 }
const DAYS: Days = { scenarios: new Map(), holidays: DEFAULT_HOLIDAYS }

type Figures = {
  reports: number
  reportBytes: number
  makeMicros: number
  writeMicros: number
  readMicros: number
  namedMicros: number
  alertMib: number
  alertNpns: number
  alertSeconds: number
  alertCpuSeconds: number
  alertPeakMemoryMib: number
}

function options(): { json: boolean; reports: number; alertMib: number; memoryMib: number } {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      reports: { type: 'string', default: '5000' },
      'alert-mib': { type: 'string', default: '1024' },
      'memory-mib': { type: 'string', default: '512' },
    },
  })
  const [reports, alertMib, memoryMib] = [values.reports, values['alert-mib'], values['memory-mib']].map(Number) as [
    number,
    number,
    number,
  ]
  if (!(reports >= 1 && alertMib >= 1 && memoryMib >= 1)) throw new Error(USAGE)
  return { json: values.json, reports, alertMib, memoryMib }
}

function day(text: string): LocalDate {
  const parsed = parseLocalDate(text)
  if (parsed === undefined) throw new Error(`no day: ${text}`)
  return parsed
}

/** CPU of this process for each of `count` steps, in microseconds. */
function cpuMicros(count: number, action: () => void): number {
  const start = process.cpuUsage()
  action()
  const { user, system } = process.cpuUsage(start)
  return Math.round((user + system) / count)
}

function measureReports(count: number) {
  const on = day('2026-11-27')
  const npns = Array.from({ length: count }, (_, i) => parseNpn(String(10_000_011 + i * 7))).flatMap((npn): Npn[] =>
    npn ? [npn] : [],
  )
  let producers: Producer[] = []
  let reports: Buffer[] = []
  const measured = () => ({
    makeMicros: cpuMicros(count, () => {
      producers = npns.flatMap((npn) => producerAt(WORLD, DAYS, npn, on) ?? [])
    }),
    writeMicros: cpuMicros(count, () => {
      reports = producers.map((producer) => detailXml(WORLD, producer, on).xml)
    }),
    readMicros: cpuMicros(count, () => {
      for (const [i, report] of reports.entries()) {
        const npn = producers[i]?.npn
        if (npn === undefined) continue
        const reader = new DetailReader(npn, undefined)
        reader.write(report)
        if (reader.end().kind !== 'report') throw new Error('a report that is not read')
      }
    }),
    namedMicros: cpuMicros(count, () => {
      for (const npn of npns) isNamed(WORLD, DAYS, npn, on, 'LICENSING')
    }),
  })
  measured() // compiled by now
  const reportBytes = Math.round(reports.reduce((sum, { length }) => sum + length, 0) / reports.length)
  return { reports: count, reportBytes, ...measured() }
}

async function measureAlert(mib: number) {
  const child = spawn(process.execPath, [fileURLToPath(new URL('nipr-server.ts', import.meta.url))], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  child.stdin.write(`${mib * 1_048_576}\n`)
  const [line] = await once(createInterface(child.stdout), 'line')
  const url = new URL(String(line))
  const settings = {
    alertsUrl: url,
    detailsUrl: url,
    user: 'u',
    password: 'p',
    subscriptionPrefix: 'rig',
    email: 'rig@example.com',
    removeOperation: 'removeTargets',
  }
  const client = new NiprClient(settings, new DatabaseClock())
  const [startMs, startCpu] = [performance.now(), process.cpuUsage()]
  let peakBytes = 0
  const sampling = setInterval(() => {
    peakBytes = Math.max(peakBytes, process.memoryUsage.rss())
  }, 20)
  try {
    const answer = await client.alerts('LICENSING', day('2026-11-27'), new AbortController().signal)
    if (answer.kind !== 'report') throw new Error(`no report: ${answer.kind === 'failed' ? answer.cause : answer.kind}`)
    let alertNpns = 0
    for await (const batch of answer.npns) alertNpns += batch.length
    const { user, system } = process.cpuUsage(startCpu)
    return {
      alertMib: mib,
      alertNpns,
      alertSeconds: Math.round((performance.now() - startMs) / 100) / 10,
      alertCpuSeconds: Math.round((user + system) / 100_000) / 10,
      alertPeakMemoryMib: Math.round(peakBytes / 1_048_576),
    }
  } finally {
    clearInterval(sampling)
    await client.close()
    child.stdin.end()
  }
}

const { json, reports, alertMib, memoryMib } = options()
const alert = await measureAlert(alertMib) // first: its memory is this process's, before there are reports in it
const figures: Figures = { ...measureReports(reports), ...alert }
process.stdout.write(
  json
    ? `${JSON.stringify(figures)}\n`
    : `${Object.entries(figures)
        .map(([name, value]) => `${name.padEnd(20)} ${value}`)
        .join('\n')}\n`,
)
if (figures.alertPeakMemoryMib > memoryMib) {
  process.stderr.write(`the alert report took more than ${memoryMib} MiB\n`)
  process.exitCode = 1
}
