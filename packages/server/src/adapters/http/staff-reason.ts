import type { FastifyRequest } from 'fastify'
import { invalidInput } from '#src/domain-error.ts'

/** Why staff change something inside an account: percent-encoded UTF-8, since a header holds ASCII. */
const STAFF_REASON_HEADER = 'x-staff-reason'
const LENGTH_MAX = 500
const CONTROL = /\p{Cc}/u

/** The reason that a request gives; null when it gives none that can be read. */
export function staffReasonOf({ headers }: FastifyRequest): string | null {
  const given = headers[STAFF_REASON_HEADER]
  if (typeof given !== 'string') return null
  try {
    const reason = decodeURIComponent(given).trim()
    return reason === '' || reason.length > LENGTH_MAX || CONTROL.test(reason) || !reason.isWellFormed() ? null : reason
  } catch {
    return null
  }
}

/** @throws DomainError invalid_input: staff change nothing inside an account without saying why */
export function refuseWithoutReason(request: FastifyRequest): void {
  if (staffReasonOf(request) !== null) return
  const msg = `must say why staff change this account: 1 to ${LENGTH_MAX} characters, percent-encoded`
  throw invalidInput({ loc: ['header', STAFF_REASON_HEADER], msg, type: 'value_error.missing' })
}
