import { app } from '@azure/functions'
import { createReceiver } from '@producersync/webhooks/azure'
import { webhooks } from './webhooks.ts'

export const handler = createReceiver(webhooks)
app.http('webhooks', { methods: ['POST'], authLevel: 'anonymous', handler })
