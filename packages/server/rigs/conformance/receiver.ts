import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { Webhook as StandardWebhook } from 'standardwebhooks'
import { Webhook as Webhook2 } from 'svix'
import { Webhook as Webhook1 } from 'svix-v1'

type Delivery = { path: string; headers: IncomingHttpHeaders; body: Buffer }

const VERIFIERS = {
  'svix@2': (secret: string) => new Webhook2(secret),
  'svix@1': (secret: string) => new Webhook1(secret),
  standardwebhooks: (secret: string) => new StandardWebhook(secret),
} as const
export type Verifier = keyof typeof VERIFIERS

export type Verified = { deliveries: number; verified: Record<Verifier, number>; failures: string[] }

/** A real receiver: takes whatever comes, and verifies it afterwards with the official packages. */
export class VerifyingReceiver {
  readonly #server = createServer((incoming, outgoing) => {
    void buffer(incoming).then((body) => {
      this.#deliveries.push({ path: incoming.url ?? '', headers: incoming.headers, body })
      outgoing.writeHead(/\/fail/.test(incoming.url ?? '') ? 500 : 204).end()
    })
  })
  readonly #deliveries: Delivery[] = []
  readonly #secrets = new Map<string, string[]>()

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
  }

  /** `127.0.0.1:port`. */
  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** The URL of a new endpoint; what comes there is verified with the secrets that `trust` tells. */
  urlOf(path: string): string {
    return `http://${this.address}${path}`
  }

  trust(path: string, secret: string): void {
    this.#secrets.set(path, [...(this.#secrets.get(path) ?? []), secret])
  }

  deliveriesTo(path: string): number {
    return this.#deliveries.filter((delivery) => delivery.path === path).length
  }

  /** Verifies every delivery whose secret is known, under both families of headers, with every package. */
  verify(): Verified {
    const verified: Record<Verifier, number> = { 'svix@2': 0, 'svix@1': 0, standardwebhooks: 0 }
    const failures: string[] = []
    let deliveries = 0
    for (const delivery of this.#deliveries) {
      const secrets = this.#secrets.get(delivery.path)
      if (secrets === undefined) continue
      deliveries += 1
      for (const verifier of Object.keys(VERIFIERS) as Verifier[]) {
        try {
          verifyOne(verifier, secrets, delivery)
          verified[verifier] += 1
        } catch (error) {
          failures.push(`${verifier}: ${delivery.path} ${String(error)}`)
        }
      }
    }
    return { deliveries, verified, failures }
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }
}

/** Any of the secrets may have signed it: one was rotated out. @throws what the package throws for the last of them */
function verifyOne(verifier: Verifier, secrets: readonly string[], delivery: Delivery): void {
  const [secret = '', ...others] = secrets
  try {
    verifyWith(verifier, secret, delivery)
  } catch (error) {
    if (others.length === 0) throw error
    verifyOne(verifier, others, delivery)
  }
}

function verifyWith(verifier: Verifier, secret: string, { headers, body }: Delivery): void {
  const webhook = VERIFIERS[verifier](secret)
  const families = verifier === 'standardwebhooks' ? ['webhook'] : ['webhook', 'svix']
  for (const family of families) {
    const given = Object.fromEntries(
      ['id', 'timestamp', 'signature'].map((part) => [`${family}-${part}`, String(headers[`${family}-${part}`])]),
    )
    webhook.verify(body.toString(), given)
  }
}
