/** App Router: `export const POST = createReceiver({ … })` in a `route.ts`. */
export { createReceiver, type ReceiverOptions } from '../receiver.ts'
/**
 * Pages: `export default createPagesReceiver({ … })` in `pages/api/…`, with `export const config = { api: { bodyParser: false } }`
 * beside it: Next reads that line by itself, so it cannot come from a package.
 */
export { createAwaitedReceiver as createPagesReceiver, type NodeRequest } from './node-http.ts'
