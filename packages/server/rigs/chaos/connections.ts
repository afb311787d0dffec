import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import type { Connection } from './ledger.ts'

/** A process that may have made a connection. */
export type Owner = { name: string; processId: number }

const LOOK_MS = 250

/**
 * Tells which process made a connection, by what the kernel says of its sockets: all of them call from one address, and no
 * header of a webhook names its worker.
 */
export class ConnectionOwners {
  readonly #owners: () => readonly Owner[]
  #unknown = new Map<string, Connection>()
  #timer: NodeJS.Timeout | undefined

  constructor(owners: () => readonly Owner[]) {
    this.#owners = owners
  }

  /** A connection between these ports of loopback was accepted; two processes may use one port for different receivers. */
  open(from: number, to: number): Connection {
    const connection = { owner: null }
    this.#unknown.set(`${from} ${to}`, connection)
    this.#timer ??= setTimeout(() => this.look(), LOOK_MS)
    return connection
  }

  /** Looks now: before a process is killed, as afterwards nobody knows its sockets. */
  look(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const unknown = this.#unknown
    this.#unknown = new Map()
    if (unknown.size === 0) return
    const ports = portsOfSockets()
    for (const { name, processId } of this.#owners()) {
      for (const socket of socketsOf(processId)) {
        const connection = unknown.get(ports.get(socket) ?? '')
        if (connection) connection.owner = name
      }
    }
  }

  close(): void {
    clearTimeout(this.#timer)
  }
}

/** Local and remote port of every IPv4 socket, by the number that names the socket. */
function portsOfSockets(): Map<string, string> {
  const [, ...rows] = readFileSync('/proc/net/tcp', 'latin1').split('\n')
  return new Map(
    rows.map((row) => {
      const [, local = '', remote = '', , , , , , , inode = ''] = row.trim().split(/\s+/)
      return [inode, `${portOf(local)} ${portOf(remote)}`]
    }),
  )
}

function portOf(address: string): number {
  return Number.parseInt(address.slice(address.indexOf(':') + 1), 16)
}

function socketsOf(processId: number): string[] {
  const folder = `/proc/${processId}/fd`
  try {
    return readdirSync(folder).flatMap((file) => /^socket:\[(\d+)\]$/.exec(readLink(`${folder}/${file}`))?.[1] ?? [])
  } catch {
    return [] // it has ended
  }
}

function readLink(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return '' // closed meanwhile
  }
}
