import type { ReceiverOptions } from '@producersync/webhooks'
import { postgres, postgresTable } from '@producersync/webhooks/dedupe'
import pg from 'pg'
import { webhooks } from './webhooks.ts'

export const pool = new pg.Pool()
await pool.query(postgresTable) // or put it among your migrations

export const shared: ReceiverOptions = { ...webhooks, dedupe: postgres((sql, values) => pool.query(sql, values)) }
