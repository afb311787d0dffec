import type { Database } from '#src/adapters/postgres/database.ts'
import type { Target } from '#src/endpoints/target.ts'
import type { Delivery } from './delivery.ts'
import type { OwnedShard } from './ownership.ts'
import { readDeliveries } from './pending-store.ts'

/**
 * The guard against a delivery that kills the process which attempts it. A shard that has lost owner after owner goes on
 * with one attempt at a time, noted in its row before it starts; the one that stands there when the next owner dies is
 * charged with a failed attempt, so it backs off and ends as a dead letter like any other failure.
 */
export class CarefulShards {
  readonly #database: Database
  readonly #shards = new Map<number, { untilMs: number; epoch: number; inHand: string | null }>()

  constructor(database: Database) {
    this.#database = database
  }

  /** @param shards  just gained */
  add(shards: readonly OwnedShard[]): void {
    for (const { number, epoch, carefulMs } of shards) {
      if (carefulMs > 0) this.#shards.set(number, { untilMs: performance.now() + carefulMs, epoch, inHand: null })
    }
  }

  forgetAll(): void {
    this.#shards.clear()
  }

  /** May an attempt of this shard start now? */
  admits(shard: number): boolean {
    return (this.#of(shard)?.inHand ?? null) === null
  }

  /** Called when an attempt starts: resolves when it is noted, at once for a shard that is not careful. */
  enter(shard: number, deliveryId: string): Promise<void> | undefined {
    const careful = this.#of(shard)
    if (!careful) return undefined
    careful.inHand = deliveryId
    return this.#note(shard, careful.epoch, deliveryId)
  }

  /** Called when its outcome is settled. @returns whether others of the shard may start now */
  leave(shard: number): boolean {
    const careful = this.#shards.get(shard)
    if (!careful?.inHand) return false
    const { epoch, inHand } = careful
    careful.inHand = null
    // by its name, so that it cannot wipe out the next one's; a note that stays can only be charged to what is still pending
    this.#database.query`
      update shard set in_hand = null where number = ${shard} and epoch = ${epoch} and in_hand = ${inHand}::uuid`.catch(
      () => undefined,
    )
    return true
  }

  #of(shard: number) {
    const careful = this.#shards.get(shard)
    if (careful && careful.inHand === null && performance.now() > careful.untilMs) {
      this.#shards.delete(shard)
      return undefined
    }
    return careful
  }

  async #note(shard: number, epoch: number, deliveryId: string): Promise<void> {
    await this.#database
      .query`update shard set in_hand = ${deliveryId}::uuid where number = ${shard} and epoch = ${epoch}`
  }
}

/** The deliveries that were under way in these shards when their careful owners died, where they are still pending. */
export async function readInHand(
  database: Database,
  shards: readonly OwnedShard[],
  readTargets: (deliveries: Delivery[]) => Promise<Target[]>,
): Promise<{ delivery: Delivery; target: Target }[]> {
  const noted = shards.flatMap(({ number, inHand }) => (inHand === null ? [] : { shard: number, deliveryId: inHand }))
  if (noted.length === 0) return []
  const deliveries = await readDeliveries(database, noted)
  const targets = await readTargets(deliveries)
  return deliveries.flatMap((delivery) => {
    const target = targets.find(({ endpointId }) => endpointId === delivery.endpointId)
    return target ? { delivery, target } : []
  })
}
