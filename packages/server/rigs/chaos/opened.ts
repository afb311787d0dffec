/** What has been opened, to be closed in reverse. */
export type Opened = { end: (end: () => unknown) => void }

/**
 * Runs `work`, which may fail from outside (`fail`, or the signal) while it waits for something else, and closes all that it
 * has opened, however it ends.
 */
export async function runOpened<T>(
  signal: AbortSignal,
  work: (opened: Opened, fail: (reason: string) => void, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const ends: (() => unknown)[] = []
  const failed = Promise.withResolvers<never>()
  failed.promise.catch(() => undefined)
  const stopped = new AbortController()
  if (signal.aborted) throw new Error('interrupted')
  signal.addEventListener('abort', () => failed.reject(new Error('interrupted')))
  try {
    const working = work(
      { end: (end) => ends.push(end) },
      (reason) => failed.reject(new Error(reason)),
      AbortSignal.any([signal, stopped.signal]),
    )
    working.catch(() => undefined)
    return await Promise.race([working, failed.promise])
  } finally {
    stopped.abort()
    for (const end of ends.reverse()) await end()
  }
}
