import { createReceiver } from '@producersync/webhooks/fastify'
import { fastify } from 'fastify'
import { webhooks } from './webhooks.ts'

export const app = fastify()
app.register(createReceiver(webhooks), { prefix: '/webhooks' })
