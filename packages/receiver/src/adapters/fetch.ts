import { createAnswerer, type ReceiverOptions, receivedOf, responseOf } from '../receiver.ts'

export type { ReceiverOptions }

/**
 * For everything that speaks fetch: Workers, Deno, Bun (`Request` in), SvelteKit, Remix, React Router, Astro (`{ request }` in).
 * The request must not have been read before: `request.json()` uses it up.
 */
export function createReceiver(
  options: ReceiverOptions,
): (incoming: Request | { request: Request }) => Promise<Response> {
  const receive = createAnswerer(options)
  return async (incoming) => responseOf(await receive(receivedOf('request' in incoming ? incoming.request : incoming)))
}
