import type { Browser } from 'playwright-core'
import type { Report } from './report.ts'
import type { Stage } from './stage.ts'
import type { Seen } from './visitor.ts'
import type { World } from './world.ts'

/** What all parts work with. */
export type Setting = {
  browser: Browser
  stage: Stage
  world: World
  /** Of all visitors. */
  seen: Seen
  report: Report
  tell: (text: string) => void
}
