import { DatabaseError } from 'pg'

export type UnavailableReason = 'unreachable' | 'lost' | 'timed_out' | 'shutting_down' | 'storage_full' | 'closed'

/**
 * The database cannot serve this call now: no connection, a connection lost under way, a shutdown or recovery, a time limit reached,
 * no space left. What was asked may or may not have been committed; an idempotent repeat resolves it.
 */
export class DatabaseUnavailable extends Error {
  readonly reason: UnavailableReason

  constructor(reason: UnavailableReason, cause?: unknown) {
    super(`The database is unavailable (${reason}).`, { cause })
    this.name = 'DatabaseUnavailable'
    this.reason = reason
  }
}

/** All connections stayed busy for the longest allowed wait, or a row or lock stayed taken. Nothing was written. */
export class DatabaseBusy extends Error {
  readonly reason: 'pool' | 'lock'

  constructor(reason: 'pool' | 'lock', cause?: unknown) {
    super(`The database is busy (${reason}).`, { cause })
    this.name = 'DatabaseBusy'
    this.reason = reason
  }
}

/** A unique or exclusion constraint was violated; with `constraint`, exactly that one. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  return hasCode(error, ['23505', '23P01'], constraint)
}

/** A check constraint was violated; with `constraint`, exactly that one. */
export function isCheckViolation(error: unknown, constraint?: string): boolean {
  return hasCode(error, ['23514'], constraint)
}

/** A lock was not granted within `lock_timeout`, or at once under NOWAIT. */
export function isLockTimeout(error: unknown): boolean {
  return error instanceof DatabaseBusy ? error.reason === 'lock' : hasCode(error, ['55P03'])
}

/** The volume of the database is full. */
export function isStorageFull(error: unknown): boolean {
  return error instanceof DatabaseUnavailable ? error.reason === 'storage_full' : hasCode(error, ['53100'])
}

/** The five characters PostgreSQL names its errors by, or undefined for any other error. */
export function sqlState(error: unknown): string | undefined {
  return error instanceof DatabaseError ? error.code : undefined
}

function hasCode(error: unknown, codes: string[], constraint?: string): boolean {
  return (
    error instanceof DatabaseError &&
    error.code !== undefined &&
    codes.includes(error.code) &&
    (constraint === undefined || error.constraint === constraint)
  )
}

/** Turns what the server says about itself, rather than about the statement, into DatabaseUnavailable or DatabaseBusy. */
export function translate(error: unknown): unknown {
  const code = sqlState(error)
  if (code === undefined) return error
  if (code === '55P03') return new DatabaseBusy('lock', error)
  const reason = unavailableReason(code)
  if (reason) return new DatabaseUnavailable(reason, error)
  return isStalePlan(error) ? new DatabaseUnavailable('lost', error) : error
}

/** A prepared statement's result changed its shape under a migration; only a fresh connection gets over it. */
export function isStalePlan(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === '0A000' && error.routine === 'RevalidateCachedQuery'
}

function unavailableReason(code: string): UnavailableReason | undefined {
  if (code === '53100') return 'storage_full'
  if (code === '57014' || code === '25P03' || code === '25P04') return 'timed_out'
  if (code.startsWith('57P')) return 'shutting_down'
  // 08 connection, 53 resources, 58 the server's own disk
  if (code.startsWith('08') || code.startsWith('53') || code.startsWith('58')) return 'lost'
  return undefined
}
