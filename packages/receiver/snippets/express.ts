import { createReceiver } from '@producersync/webhooks/express'
import express from 'express'
import { webhooks } from './webhooks.ts'

export const app = express()
app.post('/webhooks', createReceiver(webhooks))
app.use(express.json()) // below it: a parser that runs before uses up the raw body
