import { type Delivery, type DeliveryParts, joinDeliveries, type Request } from './deliveries.ts'
import type { Fault, Loss } from './history.ts'
import type { Line } from './ledger.ts'

/** What a run has shown, to be judged: the ledger, the database and what was done to the service. */
export type Evidence = DeliveryParts & {
  faults: readonly Fault[]
  losses: readonly Loss[]
  /** When the database accepted connections again. */
  databaseBackAtMs: readonly number[]
  /** Waits after each failed attempt, without jitter. */
  waitsMs: readonly number[]
  /** Requests that an endpoint takes at once. */
  concurrencyMax: number
}

/** A promise that did not hold for one delivery or event: what whoever looks for the cause begins with. */
export type Breach = { rule: Rule; subject: string; detail: string; delivery: Delivery | null }
export type Rule =
  | 'lost'
  | 'doubledEvents'
  | 'repeated' // sent again although its success was recorded
  | 'unexcused' // a success that was never recorded, and no fault explains it
  | 'foreign' // sent or stored for an event or endpoint that nobody published for
  | 'stranded'
  | 'early'
  | 'late'
  | 'overlaps'
  | 'staleWrites'
  | 'badSignatures'
  | 'bodyMismatches'

/** How long something took for a delivery. */
export type Measured = { ms: number; delivery: Delivery }

export type Verdict = {
  delivered: number
  deadLettered: number
  canceled: number
  pending: number
  attempts: number
  duplicates: number
  duplicatesBound: number
  lateInFault: Measured[]
  earliestMs: number // the smallest distance of a retry to its base; below 0: early
  overlapsFrozen: number
  takeovers: Measured[]
  breaches: Breach[]
}

/** The ledger's clock and the service's agree to this, within a second of each other. */
const EARLY_MS = 20
const LAG_MS = 2_000
const JITTER = 1.1
const AFTER_FAULT_MS = 10_000
const OVERDUE_MS = 10_000
/** An outcome is on disk this long after its request, as long as there is a database (20 ms and a commit, on a busy machine). */
const RECORDED_WITHIN_MS = 1_000
/** What a process had sent before it died may be read a moment later. */
const READ_WITHIN_MS = 1_000

/**
 * Judges a run by the promises (reliability-security, 2 and 16). Pure: the same evidence gives the same verdict.
 * @param deliveries  of this evidence, where they are joined already
 */
export function check(evidence: Evidence, deliveries: readonly Delivery[] = joinDeliveries(evidence)): Verdict {
  const bound = boundOf(evidence, deliveries)
  const lateness = latenessOf(evidence, deliveries)
  const overlapping = overlapsOf(evidence, deliveries)
  return {
    ...countStates(deliveries),
    attempts: evidence.lines.length,
    duplicates: deliveries.reduce((sum, delivery) => sum + duplicatesOf(delivery).length, 0),
    duplicatesBound: bound,
    lateInFault: lateness.inFault,
    earliestMs: lateness.earliestMs,
    overlapsFrozen: overlapping.frozen,
    takeovers: takeoversOf(evidence, deliveries),
    breaches: [
      ...lostOf(deliveries),
      ...doubledOf(evidence),
      ...foreignOf(deliveries),
      ...repeatedOf(evidence, deliveries),
      ...unexcusedOf(evidence, deliveries),
      ...staleOf(deliveries),
      ...strandedOf(deliveries),
      ...lateness.breaches,
      ...overlapping.breaches,
      ...tamperedOf(evidence, deliveries),
    ],
  }
}

function countStates(deliveries: readonly Delivery[]) {
  const ended = (state: string) => deliveries.filter(({ rows }) => rows.some((row) => row.state === state)).length
  return {
    delivered: ended('delivered'),
    deadLettered: ended('dead_letter'),
    canceled: ended('canceled'),
    pending: deliveries.filter(({ pending }) => pending.length > 0).length,
  }
}

function lostOf(deliveries: readonly Delivery[]): Breach[] {
  return deliveries.flatMap((delivery): Breach[] => {
    const { expected, rows, pending, requests } = delivery
    const end = rows.find((row) => row.state !== 'pending')
    if (expected && !end && pending.length === 0) return [breach('lost', delivery, 'accepted, and in no state')]
    const says = end?.state === 'delivered' && !requests.some(({ line }) => isSuccess(line.status))
    return says ? [breach('lost', delivery, 'recorded as delivered, and no receiver answered it with 2xx')] : []
  })
}

function doubledOf({ publications, stored }: Evidence): Breach[] {
  const byUid = Map.groupBy(stored.events, ({ uid }) => uid)
  return [...publications].flatMap(({ uid, acknowledgedAs }): Breach[] => {
    const ids = new Set([...acknowledgedAs, ...(byUid.get(uid) ?? [])].map(({ messageId }) => messageId))
    if (ids.size < 2) return []
    return [{ rule: 'doubledEvents', subject: uid, detail: `accepted as ${[...ids].join(', ')}`, delivery: null }]
  })
}

function foreignOf(deliveries: readonly Delivery[]): Breach[] {
  return deliveries
    .filter(({ expected, requests, rows }) => !expected && requests.length + rows.length > 0)
    .map((delivery) => breach('foreign', delivery, 'sent for an event that is not stored, or not for this endpoint'))
}

/**
 * P4: duplicates only when an outcome could not be recorded. A process that was frozen between asking for its lease and
 * writing the request sends that one when it wakes, whatever has been recorded since (P6): it counts towards the bound.
 */
function repeatedOf({ losses, faults }: Evidence, deliveries: readonly Delivery[]): Breach[] {
  const freezes = losses.filter(({ how }) => how === 'stop')
  return deliveries.flatMap((delivery) => {
    const recorded = delivery.requests.find(({ row }) => row?.state === 'delivered')
    const after = recorded && timed(delivery).filter(({ line }) => line.beginMs > endOf(recorded.line))
    const meant = (after ?? []).filter(
      ({ line, row }) => row !== null || !freezes.some((loss) => isLost(line, loss, faults)),
    )
    return meant.map(({ line }) =>
      breach('repeated', delivery, `sent by ${line.connection.owner} after its success had been recorded`),
    )
  })
}

/** What only a former owner can have written: an attempt twice, or anything beside an end. */
function staleOf(deliveries: readonly Delivery[]): Breach[] {
  return deliveries.flatMap((delivery) => {
    const { rows, pending } = delivery
    const again = rows.filter((row, index) => rows.findIndex(({ number }) => number === row.number) !== index)
    const end = rows.find((row) => row.state !== 'pending')
    const revived = end && pending.length > 0
    return [
      ...again.map((row) => breach('staleWrites', delivery, `attempt ${row.number} is recorded twice`)),
      ...(revived ? [breach('staleWrites', delivery, `it is pending although it has ended (${end.state})`)] : []),
    ]
  })
}

function strandedOf(deliveries: readonly Delivery[]): Breach[] {
  return deliveries.flatMap((delivery) =>
    delivery.pending
      .filter(({ overdueMs, owned }) => overdueMs > OVERDUE_MS || !owned)
      .map(({ overdueMs, owned }) =>
        breach('stranded', delivery, owned ? `overdue by ${Math.round(overdueMs)} ms` : 'in a shard without an owner'),
      ),
  )
}

function tamperedOf({ publications }: Evidence, deliveries: readonly Delivery[]): Breach[] {
  const hashes = new Map([...publications].map(({ uid, bodyHash }) => [uid, bodyHash]))
  return deliveries.flatMap((delivery) =>
    delivery.requests.flatMap(({ line }): Breach[] => {
      const expected = delivery.uid === null ? undefined : hashes.get(delivery.uid)
      if (line.bodyHash === '') return [] // its sender had gone before all of it was there
      return [
        ...(line.verified ? [] : [breach('badSignatures', delivery, 'the signature does not hold')]),
        ...(expected === undefined || expected === line.bodyHash
          ? []
          : [breach('bodyMismatches', delivery, 'the body is not what was published')]),
      ]
    }),
  )
}

/** First attempts against the acceptance, retries against the end of the recorded failure before them (P7). */
function latenessOf({ waitsMs, faults, lines, concurrencyMax }: Evidence, deliveries: readonly Delivery[]) {
  const fullUntilMs = fullnessOf(lines, concurrencyMax)
  const breaches: Breach[] = []
  const inFault: Measured[] = []
  let earliestMs = Number.POSITIVE_INFINITY
  for (const delivery of deliveries) {
    for (const { fromMs, waitMs, beginMs, what } of stepsOf(delivery, waitsMs)) {
      const marginMs = beginMs - (fromMs + waitMs)
      if (waitMs > 0) earliestMs = Math.min(earliestMs, marginMs)
      if (waitMs > 0 && marginMs < -EARLY_MS)
        breaches.push(breach('early', delivery, `${what} ${Math.round(-marginMs)} ms early`))
      const mayBeginMs = Math.max(fromMs + waitMs * JITTER, fullUntilMs(delivery.endpoint, beginMs))
      const lateMs = beginMs - (mayBeginMs + LAG_MS)
      if (lateMs <= 0) continue
      const near = faults.some(({ atMs, untilMs }) => atMs <= beginMs && untilMs + AFTER_FAULT_MS >= fromMs + waitMs)
      if (near) inFault.push({ ms: lateMs, delivery })
      else breaches.push(breach('late', delivery, `${what} ${Math.round(lateMs)} ms late`))
    }
  }
  return { breaches, inFault, earliestMs: Number.isFinite(earliestMs) ? Math.round(earliestMs) : 0 }
}

/** @returns when an endpoint had last as many requests under way as it takes at once, before that moment: a limit that P7 excepts */
function fullnessOf(lines: readonly Line[], concurrencyMax: number): (endpoint: number, beforeMs: number) => number {
  const ends = new Map<number, number[]>()
  for (const [endpoint, group] of Map.groupBy(lines, (line) => line.endpoint)) {
    const steps = group
      .flatMap((line) => [
        { atMs: line.beginMs, by: 1 },
        ...(line.endMs === null ? [] : [{ atMs: line.endMs, by: -1 }]),
      ])
      .toSorted((a, b) => a.atMs - b.atMs || a.by - b.by)
    let open = 0
    for (const { atMs, by } of steps) {
      if (by < 0 && open >= concurrencyMax) ends.set(endpoint, [...(ends.get(endpoint) ?? []), atMs])
      open += by
    }
  }
  return (endpoint, beforeMs) => ends.get(endpoint)?.findLast((atMs) => atMs <= beforeMs) ?? Number.NEGATIVE_INFINITY
}

/** Requests of which it is known when they were sent: not those whose sender had gone before they were read. */
function timed({ requests }: Delivery): Request[] {
  return requests.filter(({ line, row }) => row !== null || !line.readTooLate)
}

type Step = { fromMs: number; waitMs: number; beginMs: number; what: string }

function stepsOf(delivery: Delivery, waitsMs: readonly number[]): Step[] {
  const { createdAtMs, rows } = delivery
  const requests = timed(delivery)
  const steps: Step[] = []
  const [first] = requests
  if (first && createdAtMs !== null)
    steps.push({ fromMs: createdAtMs, waitMs: 0, beginMs: first.line.beginMs, what: 'attempt 1' })
  for (const row of rows) {
    const waitMs = waitsMs[row.number - 1]
    if (row.state !== 'pending' || waitMs === undefined) continue
    const request = requests.find((other) => other.row === row)
    const fromMs = endOfAttempt(row, request)
    const next = requests.find(({ line }) => line.beginMs > (request?.line.beginMs ?? fromMs))
    if (next) steps.push({ fromMs, waitMs, beginMs: next.line.beginMs, what: `attempt ${row.number + 1}` })
  }
  return steps
}

/** An answer is noted before it is written; that a sender has hung up is noted after it has. */
function endOfAttempt(row: { startedAtMs: number; durationMs: number }, request: Request | undefined): number {
  const byRow = row.startedAtMs + row.durationMs
  if (!request) return byRow
  return request.line.status > 0 ? endOf(request.line) : Math.min(byRow, endOf(request.line))
}

/** Two requests of a delivery at once; P6 excuses only what a frozen process has to do with. */
function overlapsOf({ faults }: Evidence, deliveries: readonly Delivery[]): { breaches: Breach[]; frozen: number } {
  const breaches: Breach[] = []
  let frozen = 0
  const freezes = faults.filter(({ kind }) => kind === 'stop')
  const wasFrozen = (line: Line) =>
    freezes.some(({ victim, atMs, untilMs }) => isOf(line, victim) && atMs < endOf(line) && untilMs > line.beginMs)
  for (const delivery of deliveries) {
    const lines = timed(delivery).map(({ line }) => line)
    lines.forEach((line, index) => {
      const earlier = lines.slice(0, index).find((other) => endOf(other) > line.beginMs)
      if (!earlier) return
      if (wasFrozen(earlier) || wasFrozen(line)) frozen += 1
      else {
        const detail = `sent by ${line.connection.owner} while ${earlier.connection.owner} was at it`
        breaches.push(breach('overlaps', delivery, detail))
      }
    })
  }
  return { breaches, frozen }
}

/** Requests after a receiver had answered that delivery with 2xx. */
function duplicatesOf(delivery: Delivery): Request[] {
  const success = delivery.requests.find(({ line }) => isSuccess(line.status))
  return success ? timed(delivery).filter(({ line }) => line.beginMs > endOf(success.line)) : []
}

/** Section 2's bound: what was in flight or not yet recorded where a process lost it, and answers that came too late. */
function boundOf({ losses, faults }: Evidence, deliveries: readonly Delivery[]): number {
  return deliveries.reduce((sum, { requests }) => {
    const excused = requests.filter((request) => isExcused(request, losses, faults))
    return sum + excused.length
  }, 0)
}

/** P4: a success that nobody recorded was in the hand of a process that lost it. */
function unexcusedOf({ losses, faults }: Evidence, deliveries: readonly Delivery[]): Breach[] {
  return deliveries.flatMap((delivery) =>
    delivery.requests
      .filter((request) => request.row === null && isSuccess(request.line.status))
      .filter((request) => !isExcused(request, losses, faults))
      .map(({ line }) =>
        breach('unexcused', delivery, `answered with 2xx, and not recorded by ${line.connection.owner}`),
      ),
  )
}

function isExcused({ line, row }: Request, losses: readonly Loss[], faults: readonly Fault[]): boolean {
  if (row === null) return losses.some((loss) => isLost(line, loss, faults))
  return row.outcome !== 'responded' && isSuccess(line.status) // the answer came too late, or was lost on the wire
}

/** Was the request in this process's hand when it lost everything? */
function isLost(line: Line, loss: Loss, faults: readonly Fault[]): boolean {
  const { owner } = line.connection
  if (owner !== null && owner !== loss.owner) return false
  return line.beginMs <= lossEndMs(loss, faults) + READ_WITHIN_MS && endOf(line) >= unrecordedSince(loss, faults)
}

/** A frozen process has what it had in hand until it wakes, and sees that its lease is gone. */
function lossEndMs({ owner, atMs, how }: Loss, faults: readonly Fault[]): number {
  const freeze = faults.find(
    ({ kind, victim, ...fault }) =>
      kind === 'stop' && owner.startsWith(`${victim}#`) && fault.atMs <= atMs && fault.untilMs >= atMs,
  )
  return how === 'stop' && freeze ? freeze.untilMs : atMs
}

/** From when on the process may have had outcomes that it could not record. */
function unrecordedSince({ owner, atMs }: Loss, faults: readonly Fault[]): number {
  const cut = faults.filter(
    (fault) =>
      (fault.victim === null || (fault.kind === 'partition' && owner.startsWith(`${fault.victim}#`))) &&
      fault.atMs <= atMs &&
      fault.untilMs + AFTER_FAULT_MS >= atMs,
  )
  return Math.min(atMs, ...cut.map((fault) => fault.atMs)) - RECORDED_WITHIN_MS
}

/**
 * From the death of a worker to the next attempt of each delivery that it had in flight; from the return of the database
 * when that was away meanwhile: without it nobody can take over.
 */
function takeoversOf({ losses, faults, databaseBackAtMs }: Evidence, deliveries: readonly Delivery[]): Measured[] {
  const deaths = losses.filter(({ how, owner }) => how === 'kill' && owner.startsWith('worker'))
  return deaths.flatMap((death) =>
    deliveries.flatMap((delivery) => {
      const { requests } = delivery
      const cut = requests.some(
        ({ line, row }) => row === null && line.connection.owner === death.owner && isLost(line, death, faults),
      )
      const next =
        cut && requests.find(({ line }) => line.beginMs > death.atMs && line.connection.owner !== death.owner)
      if (!next) return []
      const back = databaseBackAtMs.filter((atMs) => atMs > death.atMs && atMs < next.line.beginMs)
      return [{ ms: next.line.beginMs - Math.max(death.atMs, ...back), delivery }]
    }),
  )
}

function breach(rule: Rule, delivery: Delivery, detail: string): Breach {
  const { uid, messageId, endpoint } = delivery
  return { rule, subject: `${uid ?? '?'} ${messageId} at endpoint ${endpoint}`, detail, delivery }
}

function isSuccess(status: number): boolean {
  return status >= 200 && status <= 299
}

/** Was it sent in one of the lives of this process? */
export function isOf(line: Line, victim: string | null): boolean {
  return victim !== null && (line.connection.owner?.startsWith(`${victim}#`) ?? false)
}

function endOf(line: Line): number {
  return line.endMs ?? Number.POSITIVE_INFINITY
}
