/**
 * What happened, as seen from outside the service (reliability-security, R0). All moments are milliseconds of the rig's
 * monotonic clock since its start. Written while the run goes on; nothing in it is ever taken back.
 */

/** An event as its publisher knows it: written before it is first sent. */
export type Publication = {
  uid: string // its `eventId`
  account: number
  type: string
  bodyHash: string
  sentAtMs: number
  /** Message ids under which the service has acknowledged it; more than one is a broken promise. */
  acknowledgedAs: { messageId: string; atMs: number }[]
}

/** One request as a receiver got it. */
export type Line = {
  endpoint: number
  messageId: string
  connection: Connection
  beginMs: number
  /** When it was answered, or closed without an answer; null while it is open. */
  endMs: number | null
  status: number // 0: not answered
  bodyHash: string
  verified: boolean
  /** Its sender had gone before it could be answered: when it was read says nothing of when it was sent. */
  readTooLate: boolean
}

/** Who made it: a process, as `worker-1#2` (its second life); null when it had gone before it could be told. */
export type Connection = { owner: string | null }

/** How the service has answered calls of publishers. */
export type Calls = {
  acceptMs: number[]
  refusalMs: number[]
  refused: number
  unanswered: number // connections lost, and calls given up
  hangs: number // no answer and no error for longer than `HANG_MS`
  /** Answers that no fault excuses: neither an acknowledgement nor a refusal that asks to come again. */
  unexpected: string[]
}

export class Ledger {
  readonly publications = new Map<string, Publication>()
  readonly lines: Line[] = []
  readonly calls: Calls = { acceptMs: [], refusalMs: [], refused: 0, unanswered: 0, hangs: 0, unexpected: [] }
  #acknowledged = 0

  get acknowledged(): number {
    return this.#acknowledged
  }

  /** Call it before the event is sent for the first time. */
  publish(publication: Omit<Publication, 'acknowledgedAs'>): void {
    if (this.publications.has(publication.uid)) throw new Error(`${publication.uid} was published before`)
    this.publications.set(publication.uid, { ...publication, acknowledgedAs: [] })
  }

  acknowledge(uid: string, messageId: string, atMs: number): void {
    const publication = this.publications.get(uid)
    if (!publication) throw new Error(`${uid} was acknowledged and never sent`)
    if (publication.acknowledgedAs.length === 0) this.#acknowledged += 1
    if (publication.acknowledgedAs.some((known) => known.messageId === messageId)) return
    publication.acknowledgedAs.push({ messageId, atMs })
  }

  begin(line: Pick<Line, 'endpoint' | 'messageId' | 'connection' | 'beginMs'>): Line {
    const begun = { ...line, endMs: null, status: 0, bodyHash: '', verified: false, readTooLate: false }
    this.lines.push(begun)
    return begun
  }
}

/** A call of the API that is not answered within this time hangs (reliability-security, section 6). */
export const HANG_MS = 2_000
