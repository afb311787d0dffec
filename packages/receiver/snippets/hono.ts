import { createReceiver } from '@producersync/webhooks/hono'
import { Hono } from 'hono'
import { webhooks } from './webhooks.ts'

export const app = new Hono()
app.post('/webhooks', createReceiver(webhooks))
