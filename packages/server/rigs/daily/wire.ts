import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** What leads from the service to the feed: whole, down, or cut in the middle of an answer. */
export class Wire {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #isDown = false
  #cutAfterBytes: number | null = null
  /** How often it has been met down or been cut. */
  faults = 0

  private constructor(target: URL) {
    this.#server = createServer((client) => this.#accept(client, Number(target.port)))
  }

  static async start(target: URL): Promise<Wire> {
    const wire = new Wire(target)
    wire.#server.listen(0, '127.0.0.1')
    await once(wire.#server, 'listening')
    return wire
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  down(): void {
    this.#isDown = true
    for (const socket of this.#sockets) socket.destroy()
  }

  up(): void {
    this.#isDown = false
  }

  /** Of the next answer no more than so many bytes arrive. */
  cutNextAnswer(afterBytes: number): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#cutAfterBytes = afterBytes
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #accept(client: Socket, port: number): void {
    if (this.#isDown) {
      this.faults += 1
      client.destroy()
      return
    }
    const server = connect(port, '127.0.0.1')
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        this.#sockets.delete(socket)
        other.destroy()
      })
    }
    client.pipe(server)
    let passed = 0
    server.on('data', (bytes) => {
      passed += bytes.length
      if (this.#cutAfterBytes !== null && passed > this.#cutAfterBytes) {
        this.#cutAfterBytes = null
        this.faults += 1
        client.write(bytes.subarray(0, bytes.length >> 1))
        client.destroySoon()
        server.destroy()
        return
      }
      if (!client.write(bytes)) {
        server.pause()
        client.once('drain', () => server.resume())
      }
    })
    server.on('end', () => client.end())
  }
}
