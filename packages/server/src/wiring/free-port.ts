import { type AddressInfo, createServer } from 'node:net'

const PORTS_TRIED_MAX = 100

/**
 * The port to listen on: the one wanted, or the next free one after it when it was not asked for.
 * @throws an error with `code` EADDRINUSE
 */
export async function freePort(host: string, wanted: number, isFixed: boolean): Promise<number> {
  for (let port = wanted; ; port += 1) {
    const probe = createServer()
    try {
      await new Promise<void>((resolve, reject) => {
        probe.once('error', reject)
        probe.listen(port, host, resolve)
      })
      return (probe.address() as AddressInfo).port
    } catch (error) {
      const isTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
      if (!isTaken || isFixed || port >= wanted + PORTS_TRIED_MAX) throw error
    } finally {
      await new Promise<void>((resolve) => probe.close(() => resolve()))
    }
  }
}
