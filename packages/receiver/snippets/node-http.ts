import { createServer } from 'node:http'
import { createReceiver } from '@producersync/webhooks/node-http'
import { webhooks } from './webhooks.ts'

export const server = createServer(createReceiver(webhooks))
