import type { SimulatorControl } from '#src/simulator/simulator-control.ts'
import type { RigDatabase } from '../chaos/database.ts'

/** The time of production's feed, in the service and in the simulator. Both run on at real speed. */
export class FeedClock {
  readonly #database: RigDatabase
  readonly #simulator: SimulatorControl
  readonly #user: string

  constructor(database: RigDatabase, simulator: SimulatorControl, user: string) {
    this.#database = database
    this.#simulator = simulator
    this.#user = user
  }

  /** Forward; what falls due by that is due now. */
  async moveTo(moment: Date): Promise<void> {
    await this.#simulator.setClock(this.#user, moment)
    await this.#database.asSuperuser(async (client) => {
      await client.query(
        `update nipr_feed set due_at = now(), clock_ahead_ms = extract(epoch from ($1::timestamptz - now())) * 1000
          where id = 'production'`,
        [moment],
      )
      await client.query(`update nipr_run set next_try_at = now() where feed_id = 'production' and ended_at is null`)
    })
  }
}
