import { randomBytes } from 'node:crypto'
import pino from 'pino'
import { Registry } from 'prom-client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DataKeys, sealingKey } from '#src/accounts/encryption.ts'
import { IdSource } from '#src/adapters/ids.ts'
import { createOutgoing } from '#src/adapters/outgoing/outgoing.ts'
import { sealSecret } from '#src/endpoints/sealed.ts'
import { readTargets } from '#src/endpoints/target.ts'
import { AcceptQueue } from '#src/events/accept-queue.ts'
import { parseSigningSecret } from '@producersync/webhooks/node'
import { ManualClock } from '../../test/manual-clock.ts'
import { testDatabase, type TestDatabase } from '../../test/postgres.ts'
import { startReceiver } from '../../test/receiver.ts'
import { noFailpoint } from './failpoint.ts'
import { deliveryMetrics } from './metrics.ts'
import { Waker } from './wake.ts'
import { DeliveryWorker } from './worker.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await testDatabase()
})
afterAll(() => database.close())

test('smoke', async () => {
  const clock = new ManualClock('2026-01-01T00:00:00Z')
  const ids = new IdSource(clock)
  const now = clock.now()
  const owner = database.open('migrate')
  const dataKeys = new DataKeys(sealingKey(randomBytes(32)))
  await owner.query`insert into environment (name, id, created_at) values ('sandbox', 'org_1', ${now})`
  const wrapped = dataKeys.newDataKey('app_1')
  await owner.query`insert into account (id, environment, name, data_key, population_max, created_at, updated_at) values ('app_1','sandbox','T',${wrapped},10,${now},${now})`
  await owner.query`select make_partitions('2025-12-31', '2026-01-20')`
  const receiver = await startReceiver({ replies: [503, 200] })
  const secret = parseSigningSecret('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')
  receiver.trust(secret)
  await owner.query`insert into endpoint (account_id, id, environment, url, created_at, updated_at) values ('app_1','ep_1','sandbox',${receiver.url},${now},${now})`
  await owner.query`insert into endpoint_secret (account_id, endpoint_id, id, secret, created_at) values ('app_1','ep_1','sec_1',${sealSecret(dataKeys.of('app_1', wrapped), { accountId: 'app_1', id: 'ep_1' }, secret)},${now})`
  const log = pino({ level: 'debug' }, pino.destination(2))
  const worker = new DeliveryWorker({
    database: database.open('worker'), leaseDatabase: database.open('worker'), clock, databaseClock: null, ids, random: () => 0.5,
    outgoing: createOutgoing({ now: () => clock.now() }), readTargets: (keys, at) => readTargets(database.open('worker'), keys, dataKeys, at),
    policyOf: () => ({ httpAllowed: true, loopbackReceivers: new Set([receiver.address]), refusedRanges: [], ownNames: [] }),
    failpoint: noFailpoint, metrics: deliveryMetrics(new Registry()), log,
  })
  await worker.start()
  const waker = new Waker({ database: database.open('worker'), worker, log })
  const queue = new AcceptQueue({ accept: database.open('accept'), wake: waker.deliveries, now: () => clock.now(), statementsMax: 3, onCommit: () => {} })
  const { ksuid } = ids.next()
  const answer = await queue.accept({ events: [{ accountId: 'app_1', environment: 'sandbox', id: `msg_${ksuid}`, createdAt: now, type: 'x.y', payload: Buffer.from('{"a":1}'), payloadExpiresAt: new Date('2026-03-01'), cause: 'event' }], key: null, batch: false })
  console.log(answer)
  await receiver.received(1)
  await worker.settled()
  expect(await owner.query`select state, outcome, status_code, next_attempt_at from attempt`).toEqual([])
}, 20000)
