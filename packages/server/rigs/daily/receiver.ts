import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A day that an account has been told of. */
export type Announcement = { account: string; eventId: string; runDate: string }

/** Takes the webhooks of all accounts, each on a path of its own. Every event counts once, however often it comes. */
export class AnnouncementReceiver {
  readonly #server: Server
  readonly #seen = new Set<string>()
  readonly announcements: Announcement[] = []
  /** An account is told that it no longer monitors an NPN. */
  onDeactivated: (account: string, npn: string) => void = () => {}

  private constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        response.end()
        this.#take((request.url ?? '/').slice(1), Buffer.concat(chunks).toString())
      })
    })
  }

  static async start(): Promise<AnnouncementReceiver> {
    const receiver = new AnnouncementReceiver()
    receiver.#server.listen(0, '127.0.0.1')
    await once(receiver.#server, 'listening')
    return receiver
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
  }

  #take(account: string, body: string): void {
    const event = JSON.parse(body) as { id: string; type: string; data: { runDate: string; npn: string } }
    if (event.type === 'producersync.npn.deactivated') this.onDeactivated(account, event.data.npn)
    if (event.type !== 'producersync.updates_available' || this.#seen.has(event.id)) return
    this.#seen.add(event.id)
    this.announcements.push({ account, eventId: event.id, runDate: event.data.runDate })
  }
}
