/**
 * Takes turns between accounts, and within an account between its lanes: who has more lanes or more work waiting does
 * not come round more often. Adding, taking and removing cost the same however many are in it.
 */
export class Ring<Lane extends { accountId: string }> {
  readonly #accounts = new Map<string, Set<Lane>>()

  get isEmpty(): boolean {
    return this.#accounts.size === 0
  }

  *lanes(): Generator<Lane> {
    for (const lanes of this.#accounts.values()) yield* lanes
  }

  add(lane: Lane): void {
    const lanes = this.#accounts.get(lane.accountId)
    if (lanes) lanes.add(lane)
    else this.#accounts.set(lane.accountId, new Set([lane]))
  }

  remove(lane: Lane): void {
    const lanes = this.#accounts.get(lane.accountId)
    if (lanes?.delete(lane) && lanes.size === 0) this.#accounts.delete(lane.accountId)
  }

  /** The next lane whose turn it is; its account goes to the end, and it leaves the ring until it is added again. */
  take(): Lane | undefined {
    for (const [accountId, lanes] of this.#accounts) {
      this.#accounts.delete(accountId)
      for (const lane of lanes) {
        lanes.delete(lane)
        if (lanes.size > 0) this.#accounts.set(accountId, lanes)
        return lane
      }
    }
    return undefined
  }
}
