import type { Ledger, Line } from '../chaos/ledger.ts'
import type { Stored } from '../chaos/stored.ts'
import type { World } from '../chaos/world.ts'
import type { Judgement } from './report.ts'

/** What a backup has to hold: the events acknowledged by a moment, by their publisher's ids. */
export function acknowledgedIn({ publications }: Ledger): Set<string> {
  return new Set(
    [...publications.values()].flatMap(({ uid, acknowledgedAs }) => (acknowledgedAs.length > 0 ? [uid] : [])),
  )
}

export function uidsIn({ events }: Stored): Set<string> {
  return new Set(events.map(({ uid }) => uid))
}

/** A delivery, as it is named here. */
export function deliveryOf({ endpoint, messageId }: { endpoint: number; messageId: string }): string {
  return `${messageId} at endpoint ${endpoint}`
}

/** How often a receiver has taken each delivery with 2xx. */
export function takenIn(lines: readonly Line[]): Map<string, number> {
  const taken = new Map<string, number>()
  for (const line of lines) {
    if (line.status < 200 || line.status > 299) continue
    taken.set(deliveryOf(line), (taken.get(deliveryOf(line)) ?? 0) + 1)
  }
  return taken
}

/** Judges that each of these events has come to every endpoint that wants it, its bytes and signature right. @returns how many did not */
export function judgeDelivered(
  judgement: Judgement,
  { ledger, world }: { ledger: Ledger; world: World },
  uids: ReadonlySet<string>,
): number {
  const taken = takenIn(ledger.lines)
  const hashes = new Map<string, string>()
  const lost: string[] = []
  for (const { uid, account, type, bodyHash, acknowledgedAs } of ledger.publications.values()) {
    for (const { messageId } of acknowledgedAs) hashes.set(messageId, bodyHash)
    if (!uids.has(uid)) continue
    const wanting = world.endpoints.filter((each) => each.account === account && (each.types?.includes(type) ?? true))
    for (const { number } of wanting) {
      const came = acknowledgedAs.some(({ messageId }) => taken.has(deliveryOf({ endpoint: number, messageId })))
      if (!came) lost.push(`${uid} at endpoint ${number}`)
    }
  }
  const bad = ledger.lines.filter(
    ({ messageId, verified, bodyHash, endMs }) =>
      endMs !== null && (!verified || (hashes.has(messageId) && hashes.get(messageId) !== bodyHash)),
  )
  judgement.none('signatures and bytes are right', bad.map(deliveryOf))
  return judgement.none('what was accepted is delivered', lost)
}

/** Judges that each event was acknowledged as one. */
export function judgeOnce(judgement: Judgement, { publications, calls }: Ledger): void {
  const doubled = [...publications.values()].filter(({ acknowledgedAs }) => acknowledgedAs.length > 1)
  judgement.none(
    'an event is accepted once',
    doubled.map(({ uid }) => uid),
  )
  judgement.none('no call is answered unexpectedly', calls.unexpected)
}

/** Judges that no receiver has taken a delivery twice. @returns how many were, and what excuses them where something does */
export function judgeRepeats(
  judgement: Judgement,
  promise: string,
  lines: readonly Line[],
  excuse: string | null,
): { repeats: number; excuse?: string } {
  const repeated = [...takenIn(lines)].flatMap(([name, times]) => (times > 1 ? [name] : []))
  if (repeated.length > 0 && excuse !== null) return { repeats: repeated.length, excuse }
  return { repeats: judgement.none(promise, repeated) }
}
