import { totalmem } from 'node:os'

const MIB = 1024 * 1024
const SHARE = 16
const MIB_MIN = 256
const MIB_MAX = 1_024

/** What the machine has, or the container may use of it. */
export function memoryBytes(): number {
  const limit = process.constrainedMemory() // 0: none; or more than there is
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem()
}

/**
 * How much of it the embedded server keeps pages in, in MiB. What has no room there is written to be read again, a tenth of all that the
 * server does at full rate with 256 MiB; what it does not use, it does not take.
 */
export function sharedBuffersMib(memory: number): number {
  return Math.round(Math.min(MIB_MAX, Math.max(MIB_MIN, memory / MIB / SHARE)))
}
