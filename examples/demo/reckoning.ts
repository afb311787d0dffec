import type { Ledger, ReceivedRequest } from './ledger.ts'

export type AcceptedEvent = { messageId: string; type: string; npn: string }
/** `at`: when it started, or ended at the latest. `status` 0: there was no answer. */
export type RecordedAttempt = { messageId: string; at: Date; status: number }

/** What the demo ends with. Counts are of distinct changes of the population; the ping is left out. */
export type Figures = {
  /** Changes that the service has acknowledged: the NPNs that its jobs say they added and removed. */
  accepted: number
  /** Of these, those whose event the receiver has answered with 200. */
  delivered: number
  /** Of these, those whose signature was right. */
  verified: number
  /** Deliveries that were refused with 503 or left hanging at first. */
  retried: number
  /** Requests for an event that the receiver had already answered with 200. */
  duplicates: number
  /** How many of these there may be: see `boundOf`. Null: it is not known. */
  duplicatesBound: number | null
  lost: number
  /** From a kill -9 to the next verified delivery, made by the process started after it; the longest. Null: no kill. */
  takeoverMs: number | null
  seconds: number
}

export type Evidence = {
  added: readonly string[]
  removed: readonly string[]
  /** What the jobs say they have added and removed. */
  acknowledged: number
  events: readonly AcceptedEvent[]
  attempts: readonly RecordedAttempt[]
  ledger: Ledger
  takeovers: readonly Takeover[]
  seconds: number
}

/** From a kill to the next delivery; and for how long the service, started again, waited for a processor meanwhile. */
export type Takeover = { tookMs: number; starvedMs: number }

export const TAKEOVER_MS_MAX = 8_000
/** What was answered this long before a kill is recorded by then. */
const RECORDED_WITHIN_MS = 5_000

/**
 * Compares what was asked for, what the service says it has accepted and attempted, and what the receiver got.
 * @returns the figures, and in words all that is wrong with them; no fault: every promise was kept
 */
export function reckon(evidence: Evidence): { figures: Figures; faults: string[] } {
  const { acknowledged, attempts, ledger, takeovers, seconds } = evidence
  const accepted = new Map(evidence.events.map((event) => [event.messageId, event]))
  const byMessage = Map.groupBy(ledger.requests, (request) => request.messageId)
  const figures: Figures = {
    accepted: acknowledged,
    delivered: 0,
    verified: 0,
    retried: 0,
    duplicates: 0,
    duplicatesBound: 0,
    lost: 0,
    takeoverMs: takeovers.length > 0 ? Math.max(...takeovers.map(({ tookMs }) => tookMs)) : null,
    seconds,
  }
  for (const messageId of accepted.keys()) {
    const requests = byMessage.get(messageId) ?? []
    const taken = requests.filter((request) => request.answer === 200)
    if (taken.length === 0) continue
    figures.delivered += 1
    if (taken.every((request) => request.unverified === null)) figures.verified += 1
    if (requests.length > taken.length) figures.retried += 1
    figures.duplicates += taken.length - 1
  }
  figures.lost = acknowledged - figures.delivered
  const { bound, unexplained } = boundOf(ledger, attempts)
  figures.duplicatesBound = bound
  return { figures, faults: faultsOf(evidence, figures, unexplained) }
}

/**
 * The bound on duplicates: attempts that were in flight, or ended and not yet recorded, when the service was killed, and
 * attempts whose 200 the service recorded as something else, because it was lost on the wire or came too late.
 * Taken from requests that the receiver got and of which the service has no attempt: on connections of a killed process,
 * answered shortly before the kill or not at all. `unexplained` are those that no kill accounts for.
 */
function boundOf(
  { requests, killedAtMs }: Ledger,
  attempts: readonly RecordedAttempt[],
): { bound: number; unexplained: number } {
  const attemptsOf = Map.groupBy(attempts, (attempt) => attempt.messageId)
  let bound = 0
  let unexplained = 0
  for (const [messageId, ofMessage] of Map.groupBy(requests, (request) => request.messageId)) {
    const recorded = matched(ofMessage, attemptsOf.get(messageId) ?? [])
    for (const request of ofMessage) {
      if (request.event === null) continue
      const attempt = recorded.get(request)
      if (attempt) {
        if (request.answer === 200 && attempt.status !== 200) bound += 1
      } else if (wasCutOff(request, killedAtMs[request.generation])) bound += 1
      else unexplained += 1
    }
  }
  return { bound, unexplained }
}

/**
 * Which attempt is which request, of one message: they never overlap, and the time of an attempt lies between its start,
 * which the request has in its header, and its end.
 */
function matched(
  requests: readonly ReceivedRequest[],
  attempts: readonly RecordedAttempt[],
): Map<ReceivedRequest, RecordedAttempt> {
  const left = requests.toSorted((a, b) => b.timestamp - a.timestamp)
  const found = new Map<ReceivedRequest, RecordedAttempt>()
  for (const attempt of attempts.toSorted((a, b) => a.at.getTime() - b.at.getTime())) {
    const index = left.findIndex(({ timestamp }) => timestamp * 1000 <= attempt.at.getTime())
    const [request] = index < 0 ? [] : left.splice(index, 1)
    if (request) found.set(request, attempt)
  }
  return found
}

function wasCutOff({ answeredAtMs }: ReceivedRequest, killedAtMs: number | undefined): boolean {
  if (killedAtMs === undefined) return false
  return answeredAtMs === null || answeredAtMs >= killedAtMs - RECORDED_WITHIN_MS
}

function faultsOf(evidence: Evidence, figures: Figures, unexplained: number): string[] {
  const { added, removed, events, ledger } = evidence
  const { accepted, delivered, verified, duplicates, duplicatesBound, lost, takeoverMs } = figures
  const ownMs = Math.max(...evidence.takeovers.map(({ tookMs, starvedMs }) => tookMs - starvedMs))
  const asked = new Set([
    ...added.map((npn) => keyOf('producersync.npn.activated', npn)),
    ...removed.map((npn) => keyOf('producersync.npn.deactivated', npn)),
  ])
  const told = new Set(events.map(({ type, npn }) => keyOf(type, npn)))
  const known = new Map(events.map((event) => [event.messageId, event]))
  const faults: [boolean, string][] = [
    [accepted !== asked.size, `${asked.size} changes were asked for, ${accepted} were accepted.`],
    [told.size !== events.length, `${events.length - told.size} changes have more than one event.`],
    [[...told].some((key) => !asked.has(key)), 'There are events of changes that nobody asked for.'],
    [lost !== 0, `${lost} accepted changes were not delivered.`],
    [verified !== delivered, `${delivered - verified} deliveries were not verified.`],
    [ledger.requests.some((request) => request.unverified !== null), 'Requests came whose signature is wrong.'],
    [
      ledger.requests.some((request) => isForeign(request, known)),
      'Requests came with an id that the account does not have, or with data other than what was accepted.',
    ],
    [duplicates > (duplicatesBound ?? 0), `${duplicates} duplicates are more than the bound of ${duplicatesBound}.`],
    [unexplained > 0, `Of ${unexplained} requests there is no attempt, and no kill accounts for it.`],
    [takeoverMs === null, 'Nothing was delivered after a kill.'],
    [
      ownMs > TAKEOVER_MS_MAX,
      `The takeover took ${ownMs} ms beside waiting for a processor, more than ${TAKEOVER_MS_MAX}.`,
    ],
  ]
  return faults.filter(([isSo]) => isSo).map(([, words]) => words)
}

function isForeign(request: ReceivedRequest, known: ReadonlyMap<string, AcceptedEvent>): boolean {
  const { messageId, event, unverified } = request
  if (unverified !== null) return false // anybody's
  const accepted = known.get(messageId)
  if (event === null) return accepted !== undefined
  if (!accepted) return true
  return event.type !== accepted.type || event.npn !== accepted.npn || event.id !== messageId.replace(/^msg_/, 'evt_')
}

function keyOf(type: string, npn: string): string {
  return `${type} ${npn}`
}
