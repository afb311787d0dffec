import { createAnswerer, type ReceiverOptions, receivedOf, responseOf } from '../receiver.ts'

export type { ReceiverOptions }

/** Of Hono's context, what is needed: the request as it came in. */
type Context = { req: { raw: Request } }

/** `app.post('/webhooks', createReceiver({ … }))`. No middleware may read the body before it. */
export function createReceiver(options: ReceiverOptions): (context: Context) => Promise<Response> {
  const receive = createAnswerer(options)
  return async ({ req }) => responseOf(await receive(receivedOf(req.raw)))
}
