import { type Answer, createAnswerer, type ReceiverOptions, receivedOf } from '../receiver.ts'

export type { ReceiverOptions }

/** Of an `HttpRequest` of Azure Functions (programming model v4), what is needed. */
type HttpRequest = Pick<Request, 'headers' | 'bodyUsed'> & { readonly body: unknown }

/** `app.http('webhooks', { methods: ['POST'], authLevel: 'anonymous', handler: createReceiver({ … }) })`. */
export function createReceiver(options: ReceiverOptions): (request: HttpRequest) => Promise<Answer> {
  const receive = createAnswerer(options)
  return (request) => receive(receivedOf(request as Request))
}
