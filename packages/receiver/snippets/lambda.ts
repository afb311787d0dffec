import { createReceiver } from '@producersync/webhooks/lambda'
import { webhooks } from './webhooks.ts'

export const handler = createReceiver(webhooks)
