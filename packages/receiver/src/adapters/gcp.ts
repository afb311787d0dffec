/** `http('webhooks', createReceiver({ … }))`: the Functions Framework keeps the raw body in `req.rawBody`. */
export { createReceiver, type NodeRequest, type ReceiverOptions } from './node-http.ts'
