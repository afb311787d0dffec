import type { Clock } from '#src/adapters/clock.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { NiprClient, type NiprSettings } from './feed/nipr-client.ts'
import type { Connect } from './feed-parts.ts'
import type { LocalDate } from './local-date.ts'
import { Simulators } from './simulators.ts'

export type FeedConnections = { connect: Connect; close(): Promise<void> }

/**
 * How this process reaches feeds: NIPR itself as it is configured, all others its own simulator.
 * @param nipr  null: production has no NIPR · @param holidays  of production
 * @param stopped  the clock stands still, in tests
 */
export function connectFeeds(parts: {
  database: Queryable
  clock: Clock
  nipr: NiprSettings | null
  holidays: readonly LocalDate[]
  stopped: boolean
}): FeedConnections {
  const { clock, holidays } = parts
  const client = parts.nipr ? new NiprClient(parts.nipr, clock) : null
  const simulators = new Simulators({
    ...parts,
    define: ({ seed, environment }) => (environment === 'production' ? { seed, holidays: [...holidays] } : { seed }),
  })
  return {
    connect: async (feed, purpose) => {
      if (feed.kind === 'none') return null
      return feed.kind === 'nipr' ? client : await simulators.connect(feed, purpose)
    },
    close: async () => {
      await client?.close()
      await simulators.close()
    },
  }
}
