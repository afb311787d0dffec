import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Silence } from './plan.ts'

/** Where to listen or connect: a unix socket, or a port on loopback. */
export type Place = { path: string } | { port: number; host: '127.0.0.1' }

type Pair = { client: Socket; server: Socket | null }

/**
 * A TCP proxy between a process and the database (reliability-security, R2). Silenced, it loses no byte: as over a network
 * that comes back, what was sent meanwhile arrives late and in order, whether or not its sender still waits.
 */
export class FaultProxy {
  readonly #target: Place
  readonly #listener: Server
  readonly #pairs = new Set<Pair>()
  #silence: Silence | null = null

  private constructor(target: Place) {
    this.#target = target
    this.#listener = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (client) => this.#accept(client))
  }

  static async start(place: Place, target: Place): Promise<FaultProxy> {
    const proxy = new FaultProxy(target)
    proxy.#listener.listen(place)
    await once(proxy.#listener, 'listening')
    return proxy
  }

  /** From now on nothing passes, or nothing that the database says. New connections wait, too. */
  silence(silence: Silence): void {
    this.#silence = silence
    for (const pair of this.#pairs) this.#steer(pair)
  }

  /** Everything passes, first what was held. */
  heal(): void {
    this.#silence = null
    for (const pair of this.#pairs) this.#steer(pair)
  }

  async close(): Promise<void> {
    for (const { client, server } of this.#pairs) {
      client.destroy()
      server?.destroy()
    }
    this.#listener.close()
    await once(this.#listener, 'close')
  }

  #accept(client: Socket): void {
    const pair: Pair = { client, server: null }
    this.#pairs.add(pair)
    client.on('error', () => pair.server?.end()) // what it has sent still arrives
    client.on('close', () => this.#tidy(pair))
    this.#steer(pair)
  }

  #dial(pair: Pair): void {
    const server = connect({ ...this.#target, allowHalfOpen: true })
    pair.server = server
    server.on('error', () => pair.client.destroy())
    server.on('close', () => this.#tidy(pair))
    this.#pass(pair.client, server, 'requests')
    this.#pass(server, pair.client, 'replies')
  }

  #pass(from: Socket, to: Socket, what: 'requests' | 'replies'): void {
    from.on('data', (bytes) => {
      if (to.write(bytes)) return
      from.pause()
      to.once('drain', () => {
        if (!this.#isHeld(what)) from.resume()
      })
    })
    from.on('end', () => {
      to.end()
      from.end()
    })
  }

  #isHeld(what: 'requests' | 'replies'): boolean {
    return this.#silence === 'both_ways' || this.#silence === what
  }

  #steer(pair: Pair): void {
    if (!pair.server && !this.#isHeld('requests')) this.#dial(pair)
    const { client, server } = pair
    if (this.#isHeld('requests')) client.pause()
    else client.resume()
    if (this.#isHeld('replies')) server?.pause()
    else server?.resume()
  }

  #tidy(pair: Pair): void {
    const { client, server } = pair
    if (client.destroyed && (!server || server.destroyed)) this.#pairs.delete(pair)
    else if (server?.destroyed) client.destroySoon()
  }
}
