import { badDay } from './journeys/bad-day.ts'
import { cliLogin } from './journeys/cli-login.ts'
import { firstWebhook } from './journeys/first-webhook.ts'
import { hostileStrings } from './journeys/hostile-strings.ts'
import { keyboard } from './journeys/keyboard.ts'
import { operatorLink } from './journeys/operator-link.ts'
import { readOnly } from './journeys/read-only.ts'
import type { Setting } from './setting.ts'

/** Somebody's way through the portal; throws where it does not lead on. */
type Journey = { name: string; go: (setting: Setting) => Promise<void> }

export const JOURNEYS: readonly Journey[] = [
  { name: 'an operator’s link lets in once', go: operatorLink },
  { name: 'a first webhook in minutes', go: firstWebhook },
  { name: 'a bad day', go: badDay },
  { name: 'only looking', go: readOnly },
  { name: 'hostile strings', go: hostileStrings },
  { name: 'without a pointer', go: keyboard },
  { name: 'a command line is let in', go: cliLogin },
]
