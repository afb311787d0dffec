import pino from 'pino'
import { DataKeys, sealingKey } from '#src/accounts/encryption.ts'
import { IdSource } from '#src/adapters/ids.ts'
import { createOutgoing } from '#src/adapters/outgoing/outgoing.ts'
import { noFailpoint } from '#src/delivery/failpoint.ts'
import { DeliveryWorker } from '#src/delivery/worker.ts'
import { readTargets, type Target, type TargetKey } from '#src/endpoints/target.ts'
import { PATIENT_LEASES } from './patience.ts'
import type { Receiver } from './receiver.ts'
import type { TestService } from './service.ts'

/**
 * A worker beside an API, on its database, to which no hints come but those that a test gives.
 * @param beforeRead  awaited before endpoints are read
 */
export async function startUnheardWorker(
  api: TestService,
  receiver: Receiver,
  beforeRead: (keys: readonly TargetKey[]) => Promise<void> = async () => undefined,
): Promise<{ worker: DeliveryWorker; close: () => Promise<void> }> {
  const { clock, database, masterKey } = api
  const pool = database.open('worker')
  const outgoing = createOutgoing({ now: () => clock.now() })
  const dataKeys = new DataKeys(sealingKey(masterKey))
  const worker = new DeliveryWorker({
    database: pool,
    leaseDatabase: database.open('worker'),
    clock,
    databaseClock: null,
    ids: new IdSource(clock),
    random: () => 0,
    outgoing,
    readTargets: async (keys: TargetKey[], now: Date): Promise<Target[]> => {
      await beforeRead(keys)
      return await readTargets(pool, keys, dataKeys, now)
    },
    policyOf: () => ({
      httpAllowed: true,
      loopbackReceivers: new Set([receiver.address]),
      refusedRanges: [],
      ownNames: [],
    }),
    wakeLanes: () => undefined,
    failpoint: noFailpoint,
    metrics: { attempted: () => undefined, recorded: () => undefined },
    log: pino({ level: 'silent' }),
    leaseTimes: PATIENT_LEASES,
  })
  await worker.start()
  return {
    worker,
    close: async () => {
      await worker.close()
      await outgoing.close()
    },
  }
}
