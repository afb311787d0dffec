// app/webhooks/route.ts
import { createReceiver } from '@producersync/webhooks/next'
import { webhooks } from './webhooks.ts'

export const POST = createReceiver(webhooks)
