import { asStaff } from './journeys/as-staff.ts'
import { badDay } from './journeys/bad-day.ts'
import { cliLogin } from './journeys/cli-login.ts'
import { embedded } from './journeys/embedded.ts'
import { firstWebhook, firstWebhookOnPhone } from './journeys/first-webhook.ts'
import { forged } from './journeys/forged.ts'
import { hostileStrings } from './journeys/hostile-strings.ts'
import { keyboard } from './journeys/keyboard.ts'
import { keysAlone } from './journeys/keys-alone.ts'
import { lateSignal } from './journeys/late-signal.ts'
import { manyChanges } from './journeys/many-changes.ts'
import { operatorLink } from './journeys/operator-link.ts'
import { ownLook } from './journeys/own-look.ts'
import { readOnly } from './journeys/read-only.ts'
import { restart } from './journeys/restart.ts'
import { rotation } from './journeys/rotation.ts'
import { sameByApi } from './journeys/same-by-api.ts'
import { sessionEnds } from './journeys/session-ends.ts'
import { tenTabs } from './journeys/ten-tabs.ts'
import { twoAccounts } from './journeys/two-accounts.ts'
import { upload } from './journeys/upload.ts'
import { zones } from './journeys/zones.ts'
import type { Setting } from './setting.ts'

/**
 * Somebody's way through the portal; throws where it does not lead on. Others are on their way meanwhile: each has accounts and
 * receivers of its own for what it changes. `isAlone`: it stops the service, or locks what all of it needs.
 */
export type Journey = { name: string; go: (setting: Setting) => Promise<void>; isAlone?: true }

export const JOURNEYS: readonly Journey[] = [
  { name: 'an operator’s link lets in once', go: operatorLink },
  { name: 'a first webhook in minutes', go: firstWebhook },
  { name: 'a first webhook on a phone', go: firstWebhookOnPhone },
  { name: 'a bad day', go: badDay },
  { name: 'only looking', go: readOnly },
  { name: 'hostile strings', go: hostileStrings },
  { name: 'without a pointer', go: keyboard },
  { name: 'a first webhook by keys alone', go: keysAlone },
  { name: 'many changes while somebody reads', go: manyChanges },
  { name: 'a command line is let in', go: cliLogin },
  { name: 'a secret is rotated without a rejected webhook', go: rotation },
  { name: 'a list is uploaded, seen, applied', go: upload, isAlone: true },
  { name: 'the daily signal is late', go: lateSignal },
  { name: 'staff work in an account, and say why', go: asStaff },
  { name: 'a look of one’s own', go: ownLook },
  { name: 'in a frame of another page', go: embedded },
  { name: 'the same by API and command line', go: sameByApi },
  { name: 'three time zones', go: zones },
  { name: 'two accounts, and nothing between them', go: twoAccounts },
  { name: 'requests and links that are forged', go: forged },
  { name: 'a session ends, and what was typed stays', go: sessionEnds },
  { name: 'ten tabs, one stream', go: tenTabs },
  { name: 'the service is killed meanwhile, and comes back', go: restart, isAlone: true },
]
