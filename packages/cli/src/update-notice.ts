import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { WHOAMI } from './api.ts'
import { userConfigPath } from './config-file.ts'
import type { Session } from './session.ts'
import { note } from './terminal.ts'

const DAY_MS = 86_400_000
const ASK_MS_MAX = 1_000
const ASKED_FILE = 'asked-for-version'

/**
 * Tells a person, at most once a day, that the service goes with a newer psapi. The service is asked and nobody else: who publishes
 * under this name elsewhere is not known here. Nobody is asked without a terminal, in CI or with `PSAPI_NO_UPDATE`.
 */
export async function noticeUpdate({ terminal, api, version: own }: Session): Promise<void> {
  const { env, stderr } = terminal
  if (!stderr.isTTY || isOn(env.CI) || isOn(env.PSAPI_NO_UPDATE) || !isDue(env)) return
  const version = (await api.glance(WHOAMI, ASK_MS_MAX))?.version
  if (typeof version !== 'string' || !isNewer(version, own)) return
  note(terminal, `psapi ${version} goes with this service, this is ${own} (PSAPI_NO_UPDATE=1 stops this notice)`)
}

function isOn(value: string | undefined): boolean {
  return value !== undefined && value !== '' && value !== '0' && value !== 'false'
}

/** And not again for a day, whatever is answered; where that cannot be kept, never. */
function isDue(env: NodeJS.ProcessEnv): boolean {
  const file = join(dirname(userConfigPath(env)), ASKED_FILE)
  const askedAt = statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0
  if (Date.now() - askedAt < DAY_MS) return false
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    writeFileSync(file, '')
    return true
  } catch {
    return false
  }
}

/** @param version  `1.2.3`; what is not of this form is not newer */
export function isNewer(version: string, than: string): boolean {
  const [theirs, own] = [version, than].map((text) => /^(\d+)\.(\d+)\.(\d+)$/.exec(text)?.slice(1).map(Number))
  if (!theirs || !own) return false
  const differs = theirs.findIndex((part, at) => part !== own[at])
  return differs !== -1 && (theirs[differs] ?? 0) > (own[differs] ?? 0)
}
