/**
 * Loopback addresses, each with the sink's ports: between two addresses and one port there are no more connections than Linux has
 * ephemeral ports, 28,232, and 10,000 endpoints with their keep-alive need more than that beside those of the bare sender.
 */
export const SINK_ADDRESSES: readonly string[] = Array.from({ length: 16 }, (_, index) => `127.0.0.${index + 1}`)

const ENDPOINTS_PER_ADDRESS = 1_000

/** Where endpoint N of the service is. */
export function endpointUrl(port: number, number: number): string {
  const address = SINK_ADDRESSES[Math.floor(number / ENDPOINTS_PER_ADDRESS) % SINK_ADDRESSES.length]
  return `http://${address}:${port}/e/${number}`
}
