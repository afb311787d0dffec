import { connect } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import type { Account, Environment, Principal } from '#src/accounts/principal.ts'
import type { AccessControl } from '#src/adapters/http/routes.ts'
import { createHttp, type HttpLimits } from '#src/adapters/http/server.ts'
import { DomainError, notFound } from '#src/domain-error.ts'

/** Answers of tests come from a server that knows these tokens, and one account, `app_1` alias `acme`, of the sandbox. */
const PRINCIPALS: Record<string, Principal> = {
  key: { kind: 'environment_key', tokenId: 'key', environment: 'sandbox', accountId: null },
  app: bound('app', { capabilities: new Set(['ViewBase', 'ManageEndpoint']) }),
  reader: bound('app', { capabilities: new Set(['ViewBase']) }),
  client: bound('access', {
    clientId: 'client_1',
    scopes: new Set(['producersync.read', 'webhooks']),
    capabilities: new Set(['ViewBase']),
  }),
  narrow: bound('access', {
    clientId: 'client_1',
    scopes: new Set(['producersync.read']),
    capabilities: new Set(['ViewBase']),
  }),
}

const ACCOUNT: Account = {
  id: 'app_1',
  environment: 'sandbox',
  uid: 'acme',
  name: 'Acme',
  throttleRate: null,
  metadata: {},
  populationMax: 10,
  autoSubscribe: true,
  createdAt: new Date(0),
  updatedAt: new Date(0),
}

export type TestAccess = AccessControl & { accountLookUps: string[]; fail: Error | null }

export function testAccess(): TestAccess {
  const access: TestAccess = {
    accountLookUps: [],
    fail: null,
    async authenticate(bearer) {
      if (access.fail) throw access.fail
      const principal = bearer === undefined ? undefined : new Map(Object.entries(PRINCIPALS)).get(bearer)
      if (!principal) throw new DomainError('unauthenticated', 'Invalid token')
      return principal
    },
    async accountOf(_principal, idOrUid) {
      access.accountLookUps.push(idOrUid)
      if (idOrUid !== 'app_1' && idOrUid !== 'acme') throw notFound()
      return ACCOUNT
    },
  }
  return access
}

/** A server that writes its log lines, parsed, into `lines`. */
export function testHttp(limits?: Partial<HttpLimits>): { http: FastifyInstance; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = []
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) })
  return { http: createHttp({ log, limits }), lines }
}

export function bearer(token: string): { authorization: string } {
  return { authorization: `Bearer ${token}` }
}

/** What `work` costs this thread, whatever else the machine does meanwhile. */
export function cpuMs(work: () => unknown): number {
  const before = process.threadCpuUsage()
  work()
  const { user, system } = process.threadCpuUsage(before)
  return (user + system) / 1_000
}

/** Sends bytes as they are and reads until the server closes. */
export async function sendRaw(http: FastifyInstance, ...chunks: (string | Buffer)[]): Promise<string> {
  const socket = await openSocket(http)
  for (const chunk of chunks) socket.write(chunk)
  return await readAll(socket)
}

export async function openSocket(http: FastifyInstance) {
  const address = http.server.address()
  if (address === null || typeof address === 'string') throw new Error('not listening')
  const socket = connect({ port: address.port, host: '127.0.0.1' })
  // a reset after the answer is the server's right
  socket.on('error', () => {})
  await new Promise<void>((resolve) => socket.once('connect', resolve))
  return socket
}

export async function readAll(socket: ReturnType<typeof connect>): Promise<string> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  await new Promise<void>((resolve) => socket.once('close', () => resolve()))
  return Buffer.concat(chunks).toString()
}

function bound(kind: 'app' | 'access', rights: Partial<Extract<Principal, { kind: 'app' | 'access' }>>): Principal {
  const environment: Environment = 'sandbox'
  return {
    kind,
    tokenId: kind,
    environment,
    accountId: 'app_1',
    clientId: null,
    scopes: new Set(),
    capabilities: new Set(),
    featureFlags: new Set(),
    sessionId: null,
    portalSessionId: null,
    ...rights,
  }
}
