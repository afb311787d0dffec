import type { FaultKind } from './options.ts'

/** A fault as it was done; `untilMs`: everything that it hit works again. Moments as in the ledger. */
export type Fault = {
  kind: FaultKind
  victim: string | null // a process; null: the database
  atMs: number
  untilMs: number
}

/** A moment at which a process lost what it had in hand: killed, frozen, or its lease was gone. */
export type Loss = { owner: string; atMs: number; how: 'kill' | 'stop' | 'lease' | 'crash' }

/** A process that was asked to stop. */
export type Stop = { owner: string; exitCode: number | null; afterMs: number }

/** What was done to the service, and what its processes said and did about it. */
export class History {
  readonly faults: Fault[] = []
  readonly losses: Loss[] = []
  readonly stops: Stop[] = []
  /** When the database accepted connections again. */
  readonly databaseBackAtMs: number[] = []
  /** Processes that ended although nobody asked them to. */
  readonly crashes: string[] = []
  staleRefused = 0
  /** Power cuts after which all was there, also what had not been synced: they say nothing. */
  idleCuts = 0
  /** Log lines that tell of a bug in the service (`delivery.attempt_broken` …), by event. */
  readonly complaints = new Map<string, number>()
}
