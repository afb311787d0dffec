import type { Environment } from '#src/accounts/principal.ts'
import type { Snapshot } from '#src/live/position.ts'

export const CLI_SESSION_ID_PREFIX = 'cli_'
/** Events of before that a session may begin with. */
export const LATEST_MAX = 100
/** A session that nobody has listened to for so long has ended. */
export const SILENT_MS_MAX = 12 * 3_600_000
/** A session whose stream is open is seen at least this often. */
export const SEEN_MS = 15_000
/** And counts as connected for so long. */
export const CONNECTED_MS = 2 * SEEN_MS
/** Live sessions of an account. */
export const SESSIONS_MAX = 200

/** A developer's `psapi listen`: gets the events of its account as they are accepted. */
export type CliSession = {
  id: string // cli_…
  accountId: string
  environment: Environment
  /** Sealed; `openSecret` reads it. */
  secret: Buffer
  eventTypes: string[] | null
  endpointId: string | null
  forwardTo: string | null
  startsAt: Snapshot
  latestIds: string[]
  createdAt: Date
  seenAt: Date
}

/** What the program at the developer's desk answered to an event. */
export type CliResult = {
  eventId: string
  eventType: string
  statusCode: number
  durationMs: number
  failureClass: string | null
  at: Date
}
