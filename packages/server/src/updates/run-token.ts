import { isId } from '#src/adapters/ids.ts'
import { DomainError } from '#src/domain-error.ts'
import { type Npn, parseNpn } from '#src/population/npn.ts'
import type { RunPosition } from './run-list-store.ts'

/** The token that stands for the start of a list, and in `next` for its end. */
export const START = '0'

const RUN_TOKEN = /^([0-9a-z]{1,11})-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/

/** Lists of runs go on behind a run, those of errors behind an NPN, those of announcements behind an account. */
export function toRunToken({ scheduledAt, id }: RunPosition): string {
  return `${scheduledAt.getTime().toString(36)}-${id}`
}

/** @throws DomainError unreadable_query */
export function parseRunToken(token: string | undefined): RunPosition | undefined {
  if (token === undefined || token === START) return undefined
  const [, moment, id] = RUN_TOKEN.exec(token) ?? []
  if (moment === undefined || id === undefined) throw refused()
  return { scheduledAt: new Date(Number.parseInt(moment, 36)), id }
}

/** @throws DomainError unreadable_query */
export function parseNpnToken(token: string | undefined): Npn | undefined {
  if (token === undefined || token === START) return undefined
  const npn = parseNpn(token)
  if (npn === undefined) throw refused()
  return npn
}

/** @throws DomainError unreadable_query */
export function parseAccountToken(token: string | undefined): string | undefined {
  if (token === undefined || token === START) return undefined
  if (!isId(token, 'app_')) throw refused()
  return token
}

function refused(): DomainError {
  return new DomainError('unreadable_query', 'continuationToken: is none that a list has answered with')
}
