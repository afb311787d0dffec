import { createHash, randomUUID } from 'node:crypto'
import { readUserConfig, writeUserConfig } from '../config-file.ts'
import type { Session } from '../session.ts'
import { note } from '../terminal.ts'

/** Names this device and profile, always the same: the service gives equal names equal signing secrets. */
export function deviceOf({ settings: { file, profile }, terminal }: Session): string {
  const config = readUserConfig(file)
  const device = config.device ?? randomUUID()
  if (config.device === undefined) {
    try {
      writeUserConfig(file, { ...config, device })
    } catch {
      note(terminal, `warning: ${file} cannot be written; the signing secret is another one the next time`)
    }
  }
  return createHash('sha256').update(`${device} ${profile.value}`).digest('hex')
}
