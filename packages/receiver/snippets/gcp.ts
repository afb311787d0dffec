import { http } from '@google-cloud/functions-framework'
import { createReceiver } from '@producersync/webhooks/gcp'
import { webhooks } from './webhooks.ts'

http('webhooks', createReceiver(webhooks))
