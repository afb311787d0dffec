// pages/api/webhooks.ts
import { createPagesReceiver } from '@producersync/webhooks/next'
import { webhooks } from './webhooks.ts'

export const config = { api: { bodyParser: false } } // Next looks for this line: it leaves the raw body alone
export default createPagesReceiver(webhooks)
