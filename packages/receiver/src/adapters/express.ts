/**
 * `app.post('/webhooks', createReceiver({ … }))`, Express 4 and 5. It reads the raw body itself, or takes that of
 * `express.raw({ type: '*\/*' })`. An `express.json()` that ran before has used it up: mount the receiver above it.
 */
export { createReceiver, type NodeRequest, type ReceiverOptions } from './node-http.ts'
