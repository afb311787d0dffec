import { LEASE_TIMES, type LeaseTimes } from '#src/delivery/ownership.ts'

/** A machine that is busy with other tests must not look like a worker that has died. */
export const PATIENT_LEASES: LeaseTimes = { ...LEASE_TIMES, leaseMs: 60_000, selfStopMs: 50_000, startMs: 40_000 }

/** Nor like a database that is away: how many times their limits calls of it may take. */
export const PATIENCE = 20
