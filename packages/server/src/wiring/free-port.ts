import { type AddressInfo, createServer, type Server } from 'node:net'

const PORTS_TRIED_MAX = 100

export type FreePort = { port: number; leave: () => Promise<void> }

/**
 * The port to listen on: the one wanted, or the next free one after it when it was not asked for. One that the system has chosen
 * is held until it is left: it may choose the same for somebody else meanwhile.
 * @throws an error with `code` EADDRINUSE
 */
export async function freePort(host: string, wanted: number, isFixed: boolean): Promise<FreePort> {
  for (let port = wanted; ; port += 1) {
    const probe = createServer((socket) => socket.destroy()).unref()
    try {
      await new Promise<void>((resolve, reject) => {
        probe.once('error', reject)
        probe.listen(port, host, resolve)
      })
      const { port: free } = probe.address() as AddressInfo
      if (wanted !== 0) await close(probe)
      return { port: free, leave: () => close(probe) }
    } catch (error) {
      const isTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
      if (!isTaken || isFixed || port >= wanted + PORTS_TRIED_MAX) throw error
    }
  }
}

/** Also of one that is closed already. */
async function close(probe: Server): Promise<void> {
  await new Promise<void>((resolve) => probe.close(() => resolve()))
}
