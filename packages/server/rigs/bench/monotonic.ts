const OFFSET_MS = Number(process.hrtime.bigint()) / 1e6 - performance.now()

/** Milliseconds on the one clock that all processes of this machine share. */
export function monotonicMs(): number {
  return performance.now() + OFFSET_MS
}
