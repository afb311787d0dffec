import { connect, type Socket } from 'node:net'
import { connect as connectTls, type SecureContext, type TLSSocket } from 'node:tls'
import { formatAddress, parseAddress } from './address-ranges.ts'
import type { Alarm, Deadlines } from './deadlines.ts'
import { type Outcome, type Phase, type UnreachableDetail, unreachable } from './outcome.ts'

export type DialTarget = {
  /** Vetted addresses, tried in turn; nothing else is ever connected to. */
  addresses: readonly string[]
  port: number
  /** Undefined for plain http. */
  tls: TlsTarget | undefined
}

export type TlsTarget = {
  context: SecureContext
  /** The name or the address that the certificate must be valid for; a name is also sent as SNI. */
  host: string
  isName: boolean
  session: Buffer | undefined
  keepSession(session: Buffer): void
}

/** What a TLS connection says of the receiver. */
export type Security = { version: string | null; certificateExpiresAt: Date | null }

export type Dialled =
  | {
      kind: 'connected'
      socket: Socket | TLSSocket
      address: string
      connectMs: number
      /** Undefined for plain http. */
      tls: { ms: number; security: Security } | undefined
    }
  | { kind: 'failed'; outcome: Outcome }
  /** This process or host has no descriptors or memory left. */
  | { kind: 'short_of_sockets' }

const UNREACHABLE: ReadonlySet<unknown> = new Set([
  'ENETUNREACH',
  'EHOSTUNREACH',
  'ENETDOWN',
  'EHOSTDOWN',
  'EACCES',
  'EPERM',
  'EADDRNOTAVAIL',
])
const SHORT_OF_SOCKETS: ReadonlySet<unknown> = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM'])
const EXPIRED: ReadonlySet<unknown> = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'])
const NO_HANDSHAKE: ReadonlySet<unknown> = new Set(['ECONNRESET', 'EPIPE', 'EPROTO', 'ETIMEDOUT', 'ECONNABORTED'])

/** One connection being made: TCP to the first vetted address that answers, then TLS. */
export class Dial {
  phase: Extract<Phase, 'connect' | 'tls'> = 'connect'
  readonly #target: DialTarget
  readonly #deadlines: Deadlines
  readonly #endsAt: number
  readonly #onTurn: (address: string) => void
  readonly #done: (dialled: Dialled) => void
  readonly #startedAt = performance.now()
  #turn = 0
  #sockets: Socket[] = []
  #alarm: Alarm | undefined
  #ended = false

  /**
   * @param endsAt monotonic ms of the attempt's deadline, which its owner keeps (`cancel`); addresses share what is left
   * @param onTurn told of each address before it is connected to
   * @param done called once, never from within the constructor, and not after `cancel`
   */
  constructor(
    target: DialTarget,
    deadlines: Deadlines,
    endsAt: number,
    onTurn: (address: string) => void,
    done: (dialled: Dialled) => void,
  ) {
    this.#target = target
    this.#deadlines = deadlines
    this.#endsAt = endsAt
    this.#onTurn = onTurn
    this.#done = done
    this.#connect()
  }

  cancel() {
    this.#ended = true
    this.#clear()
  }

  #connect() {
    const address = this.#target.addresses[this.#turn]
    if (address === undefined) throw new RangeError('a dial needs an address')
    this.#onTurn(address)
    const turnsLeft = this.#target.addresses.length - this.#turn
    const now = performance.now()
    // the last address has until the attempt's deadline
    if (turnsLeft > 1) {
      this.#alarm = this.#deadlines.after((this.#endsAt - now) / turnsLeft, () => this.#nextTurn('ETIMEDOUT'))
    }
    const socket = connect({ host: address, port: this.#target.port, autoSelectFamily: false, noDelay: true })
    this.#sockets.push(socket)
    socket.once('connect', () => this.#connected(socket, address))
    socket.on('error', (error) => this.#nextTurn(codeOf(error)))
  }

  #nextTurn(code: unknown) {
    if (this.#ended || this.phase === 'tls') return
    this.#clear()
    this.#turn += 1
    if (this.#turn < this.#target.addresses.length) this.#connect()
    else this.#end(connectFailure(code, performance.now() - this.#startedAt))
  }

  #connected(socket: Socket, address: string) {
    if (this.#ended) return
    this.#alarm?.cancel()
    // what answered must be what was vetted, before a byte is sent to it
    if (normalise(socket.remoteAddress) !== address) return this.#nextTurn('EHOSTUNREACH')
    const connectMs = performance.now() - this.#startedAt
    if (this.#target.tls) this.#secure(socket, address, connectMs, this.#target.tls)
    else this.#end({ kind: 'connected', socket, address, connectMs, tls: undefined })
  }

  #secure(raw: Socket, address: string, connectMs: number, target: TlsTarget) {
    this.phase = 'tls'
    const startedAt = performance.now()
    const socket = connectTls({
      socket: raw,
      secureContext: target.context,
      host: target.host,
      servername: target.isName ? target.host : '',
      session: target.session,
      rejectUnauthorized: true,
      ALPNProtocols: ['http/1.1'],
    })
    this.#sockets.push(socket)
    let session: Buffer | undefined
    socket.on('session', (latest) => {
      session = latest
      if (socket.authorized) target.keepSession(latest)
    })
    socket.once('secureConnect', () => {
      if (this.#ended) return
      if (session) target.keepSession(session)
      const tls = { ms: performance.now() - startedAt, security: securityOf(socket) }
      this.#end({ kind: 'connected', socket, address, connectMs, tls })
    })
    socket.on('error', (error) => {
      if (this.#ended) return
      this.#clear()
      this.#end({ kind: 'failed', outcome: unreachable(tlsDetail(codeOf(error))) })
    })
  }

  #end(dialled: Dialled) {
    this.#ended = true
    this.#alarm?.cancel()
    this.#done(dialled)
  }

  #clear() {
    this.#alarm?.cancel()
    for (const socket of this.#sockets) socket.destroy()
    this.#sockets = []
  }
}

function connectFailure(code: unknown, elapsedMs: number): Dialled {
  if (SHORT_OF_SOCKETS.has(code)) return { kind: 'short_of_sockets' }
  if (code === 'ETIMEDOUT') {
    return { kind: 'failed', outcome: { kind: 'timed_out', phase: 'connect', afterMs: Math.round(elapsedMs) } }
  }
  if (UNREACHABLE.has(code)) return { kind: 'failed', outcome: unreachable('connect_unreachable') }
  return { kind: 'failed', outcome: unreachable(code === 'ECONNREFUSED' ? 'connect_refused' : 'connection_reset') }
}

/** Codes of OpenSSL's certificate check carry no prefix; whatever is none of the others is one of them. */
export function tlsDetail(code: unknown): UnreachableDetail {
  if (EXPIRED.has(code)) return 'tls_expired'
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return 'tls_name'
  if (typeof code !== 'string' || code.startsWith('ERR_') || NO_HANDSHAKE.has(code)) return 'tls_handshake'
  return 'tls_untrusted'
}

function securityOf(socket: TLSSocket): Security {
  const endsAt = new Date(socket.getPeerCertificate().valid_to)
  return { version: socket.getProtocol(), certificateExpiresAt: Number.isNaN(endsAt.getTime()) ? null : endsAt }
}

export function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

function normalise(remoteAddress: string | undefined): string | undefined {
  const bytes = parseAddress(remoteAddress ?? '')
  return bytes && formatAddress(bytes)
}
