import { DatabaseClock } from '#src/adapters/clock.ts'
import { NiprClient } from '#src/updates/feed/nipr-client.ts'

/** The feed's name at the simulator. */
export const USER = 'production'

/** A client of the rig's simulator, as the service has one. */
export function niprClient(url: string, password: string): NiprClient {
  const settings = {
    alertsUrl: new URL(url),
    detailsUrl: new URL(url),
    user: USER,
    password,
    subscriptionPrefix: 'daily',
    email: 'daily@example.com',
    removeOperation: 'removeTargets',
  }
  return new NiprClient(settings, new DatabaseClock())
}
