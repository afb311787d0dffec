import { runOpened } from '../chaos/opened.ts'
import type { Options } from './options.ts'
import { attackByReceivers } from './receivers-part.ts'
import { type Report, reportRun, skip } from './report.ts'
import { missingForNamespaces } from './ssrf/namespaces.ts'
import { attackByAddresses } from './ssrf/part.ts'
import { openStage } from './stage.ts'

export type RunParts = {
  options: Options
  signal: AbortSignal
  /** Progress, a line each. */
  tell: (text: string) => void
}

/** Attacks the running service and judges what it did. Leaves no process and no file behind, however it ends. */
export async function run({ options, signal: interrupted, tell }: RunParts): Promise<Report> {
  return await runOpened(interrupted, async (opened, fail, signal) => {
    const stage = await openStage({ opened, fail, signal, tell })
    const missing = options.parts.includes('ssrf') ? await missingForNamespaces() : null
    const receivers = options.parts.includes('receivers') ? await attackByReceivers(stage, options) : null
    const isReachable = options.parts.includes('ssrf') && missing === null
    const ssrf = isReachable ? await attackByAddresses(stage, options) : null
    const { postgres, crashes } = stage
    const skipped = missing === null ? [] : [skip('ssrf', missing)]
    return reportRun(options, { postgres, crashes, receivers, ssrf, skipped })
  })
}
