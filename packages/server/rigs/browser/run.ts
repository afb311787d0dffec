import { availableParallelism, loadavg } from 'node:os'
import { runOpened } from '../chaos/opened.ts'
import { launchChromium } from './chromium.ts'
import { JOURNEYS, type Journey } from './journeys.ts'
import { isNamed, type Options } from './options.ts'
import { takePictures } from './pictures.ts'
import { BUDGET, emptyReport, type Report } from './report.ts'
import { lookAtScreens } from './screens-part.ts'
import type { Setting } from './setting.ts'
import { measureSpeed } from './speed.ts'
import { Stage } from './stage.ts'
import type { Seen } from './visitor.ts'
import { fillWorld } from './world.ts'

const BUSY_PER_CORE = 2
const RECEIVERS = 14
/** Journeys wait more than they work. */
const LANES = 2
const RUN_MS_MAX = 340_000

/** Opens browser and service, goes through the parts, and judges. Leaves no process and no file behind, however it ends. */
export async function run({
  options,
  signal,
  tell,
}: {
  options: Options
  signal: AbortSignal
  tell: (text: string) => void
}): Promise<Report> {
  const startedAt = performance.now()
  return await runOpened(AbortSignal.any([signal, AbortSignal.timeout(RUN_MS_MAX)]), async (opened) => {
    const browser = await launchChromium()
    opened.end(() => browser.close())
    const stage = await Stage.open(RECEIVERS)
    opened.end(() => stage.close())
    // a tour shows no attack
    const world = await fillWorld(stage, { isHostile: !options.parts.includes('pictures') })
    const report = emptyReport()
    const seen: Seen = { consoleErrors: [], cspReports: [], foreignRequests: [], serverErrors: [] }
    const setting: Setting = { browser, stage, world, seen, report, tell }
    for (const part of options.parts) {
      if (part === 'screens') await lookAtScreens(setting, options.screen)
      if (part === 'journeys') await travel(setting, options.journey)
      if (part === 'speed') await measureSpeed(setting)
      if (part === 'pictures') await takePictures(setting)
      tell(`${part}: done after ${Math.round((performance.now() - startedAt) / 1_000)} s`)
    }
    return judge(setting, performance.now() - startedAt)
  })
}

async function travel(setting: Setting, wanted: string): Promise<void> {
  const chosen = JOURNEYS.filter(({ name }) => isNamed(name, wanted))
  const waiting = chosen.filter(({ isAlone }) => !isAlone)
  await Promise.all(
    Array.from({ length: LANES }, async () => {
      for (let journey = waiting.shift(); journey; journey = waiting.shift()) await goOn(setting, journey)
    }),
  )
  for (const journey of chosen.filter(({ isAlone }) => isAlone)) await goOn(setting, journey)
}

async function goOn(setting: Setting, { name, go }: Journey): Promise<void> {
  const { report, tell } = setting
  const startedAt = performance.now()
  try {
    await go(setting)
    report.journeys.passed += 1
    tell(`journey: ${name}: ok, ${Math.round(performance.now() - startedAt)} ms`)
  } catch (error) {
    report.journeys.failed += 1
    const why = error instanceof Error ? error.message : String(error)
    report.faults.push(`journey: ${name}: ${why}`)
    tell(`journey: ${name}: FAILED: ${why}`)
  }
}

function judge({ seen, report }: Setting, ms: number): Report {
  report.consoleErrors = seen.consoleErrors.length
  report.cspReports = seen.cspReports.length
  report.foreignRequests = seen.foreignRequests.length
  report.seconds = Math.round(ms / 1_000)
  const some = (what: string, found: readonly string[]) =>
    [...new Set(found)].slice(0, 10).map((text) => `${what}: ${text}`)
  report.faults.push(
    ...some('console', seen.consoleErrors),
    ...some('policy', seen.cspReports),
    ...some('request to another place', seen.foreignRequests),
    ...some('failed request', seen.serverErrors),
  )
  const isBusy = (loadavg()[0] ?? 0) > BUSY_PER_CORE * availableParallelism()
  for (const [name, limit] of Object.entries(BUDGET)) {
    if (isBusy && name.endsWith('Ms')) continue // times of a machine that is busy with others say nothing
    const measured = report[name as keyof typeof BUDGET]
    if (measured !== null && measured > limit) report.faults.push(`${name} is ${measured}, more than ${limit}`)
  }
  return report
}
