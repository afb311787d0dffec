// src/routes/webhooks/+server.ts; in Remix and React Router it is `export const action`
import { createReceiver } from '@producersync/webhooks/fetch'
import { webhooks } from './webhooks.ts'

export const POST = createReceiver(webhooks)
