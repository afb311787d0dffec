import { DatabaseBusy, DatabaseUnavailable, sqlState } from './postgres/errors.ts'

/**
 * Why something failed, in a word that a log line may hold: kinds and codes, never a message, since those can quote data.
 */
export function reasonOf(error: unknown): string {
  if (error instanceof DatabaseUnavailable || error instanceof DatabaseBusy) return `${error.name} ${error.reason}`
  const state = sqlState(error)
  if (state !== undefined) return `SQLSTATE ${state}`
  return error instanceof Error ? error.name : 'unknown'
}
