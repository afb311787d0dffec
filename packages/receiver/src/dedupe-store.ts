/**
 * Remembers the events that were handled, so that a repeat is not handled again. Ids are event ids (`evt_…`): the same on every
 * attempt and replay.
 */
export type DedupeStore = {
  /**
   * Takes an event for one caller; of many that ask at once, one gets `new`.
   * @param ttlSeconds  when neither `done` nor `release` follows within this time, the claimer is taken for dead and the event is
   *                    `new` again
   * @returns `new`: yours to handle. `done`: handled before. `busy`: another is at it
   */
  claim(eventId: string, ttlSeconds: number): Promise<'new' | 'done' | 'busy'>
  /** Remembers a claimed event as handled. */
  done(eventId: string): Promise<void>
  /** Gives a claimed event back; one that is done stays done. */
  release(eventId: string): Promise<void>
}

/** How long an event is remembered unless you say otherwise: retries end after 75 h 36 min, and people replay for some days. */
export const keepSecondsDefault = 7 * 86_400
