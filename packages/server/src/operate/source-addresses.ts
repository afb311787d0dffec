import type { FastifyInstance } from 'fastify'

/** Where webhooks come from, for the firewall of a receiver. */
export type SourceAddresses = {
  /** Addresses and ranges (CIDR); null: whoever runs the service has not named them. */
  addresses: readonly string[] | null
}

const KEPT_SECONDS = 300

/** `GET /source-addresses.json`, open to all, also to pages of other origins. @param addresses  as set; none: not named */
export function serveSourceAddresses(http: FastifyInstance, addresses: readonly string[]): void {
  const answer: SourceAddresses = { addresses: addresses.length > 0 ? addresses : null }
  http.get('/source-addresses.json', (_request, reply) =>
    reply
      .header('access-control-allow-origin', '*')
      .header('cache-control', `public, max-age=${KEPT_SECONDS}`)
      .send(answer),
  )
}
