import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** What is stored, as the database counts it. */
export type Stored = { attempts: number; events: number; planned: number; bytes: number }

/** What the database of a folder has stored, and whose it is: noted beside it, so that a later run can ask for it again. */
export type KeptHistory = { accountIds: { large: string; small: string; waiting: string }; stored: Stored }

const HISTORY = 'history.json'
const KEY = 'environment-key'

/** @returns null where nothing was stored, or not all of it */
export function readHistory(folder: string): KeptHistory | null {
  const text = read(folder, HISTORY)
  if (text === null) return null
  const noted: KeptHistory = JSON.parse(text)
  return noted
}

export function noteHistory(folder: string, history: KeptHistory): void {
  writeFileSync(join(folder, HISTORY), `${JSON.stringify(history, null, 2)}\n`)
}

/** Of the sandbox, which is shown at the very first start alone. */
export function keptKey(folder: string): string | null {
  return read(folder, KEY)
}

export function keepKey(folder: string, key: string): void {
  writeFileSync(join(folder, KEY), key, { mode: 0o600 })
}

function read(folder: string, name: string): string | null {
  const path = join(folder, name)
  return existsSync(path) ? readFileSync(path, 'utf8') : null
}
