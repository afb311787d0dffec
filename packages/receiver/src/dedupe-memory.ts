import { type DedupeStore, keepSecondsDefault } from './dedupe-store.ts'

export type MemoryOptions = {
  /** How long a handled event is remembered; default 7 days. */
  keepSeconds?: number
  /** Events remembered, and events under way, at most; default 50,000 each. Beyond it the oldest handled one is forgotten. */
  entriesMax?: number
  /** Default the current time. */
  now?: () => Date
}

/** Remembers in this process alone: for one process, or where a repeat does no harm. */
export function memory(options: MemoryOptions = {}): DedupeStore {
  const { keepSeconds = keepSecondsDefault, entriesMax = 50_000, now = () => new Date() } = options
  // By event id, the moment in ms at which the entry ends. A Map keeps its order of insertion: the first is the oldest.
  const claimed = new Map<string, number>()
  const handled = new Map<string, number>()
  const isLive = (entries: Map<string, number>, id: string) => (entries.get(id) ?? 0) > now().getTime()

  return {
    async claim(eventId, ttlSeconds) {
      if (isLive(handled, eventId)) return 'done'
      if (isLive(claimed, eventId)) return 'busy'
      claimed.delete(eventId)
      if (claimed.size >= entriesMax) forgetEnded(claimed, now().getTime())
      if (claimed.size >= entriesMax) return 'busy' // the sender comes again; forgetting one would have it handled twice
      claimed.set(eventId, now().getTime() + ttlSeconds * 1000)
      return 'new'
    },
    async done(eventId) {
      claimed.delete(eventId)
      handled.delete(eventId)
      handled.set(eventId, now().getTime() + keepSeconds * 1000)
      for (const oldest of handled.keys()) {
        if (handled.size <= entriesMax && isLive(handled, oldest)) break
        handled.delete(oldest)
      }
    },
    async release(eventId) {
      claimed.delete(eventId)
    },
  }
}

function forgetEnded(entries: Map<string, number>, nowMs: number): void {
  for (const [id, endsAtMs] of entries) if (endsAtMs <= nowMs) entries.delete(id)
}
