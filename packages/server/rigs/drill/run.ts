import { runOpened } from '../chaos/opened.ts'
import { backupPart } from './backup-part.ts'
import { journeyPart } from './journey-part.ts'
import { NotHere } from './not-here.ts'
import type { Options, Part } from './options.ts'
import { type PartReport, type Report, reportRun, type Skipped } from './report.ts'
import type { Setting } from './site.ts'
import { upgradePart } from './upgrade-part.ts'

const RUN: Record<Part, (setting: Setting) => Promise<PartReport>> = {
  upgrade: upgradePart,
  backup: backupPart,
  journey: journeyPart,
}

/** Runs the parts, one after the other. Leaves no process and no file behind, however they end. */
export async function run(parts: {
  options: Options
  signal: AbortSignal
  tell: (text: string) => void
}): Promise<Report> {
  const { options, signal, tell } = parts
  const startedAtMs = performance.now()
  const done: PartReport[] = []
  const skipped: Skipped[] = []
  for (const part of options.only) {
    try {
      const work = RUN[part]
      done.push(
        await runOpened(signal, (opened, fail, abandon) =>
          work({ part, options, opened, fail, signal: abandon, tell: (text) => tell(`${part}: ${text}`) }),
        ),
      )
    } catch (error) {
      if (!(error instanceof NotHere)) throw error
      tell(`${part}: skipped: ${error.message}`)
      skipped.push({ part, reason: error.message })
    }
  }
  return reportRun(options, done, skipped, (performance.now() - startedAtMs) / 1000)
}
