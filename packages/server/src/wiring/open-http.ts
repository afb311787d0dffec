import type { FastifyInstance } from 'fastify'
import { createHttp } from '#src/adapters/http/server.ts'
import { keepAudit } from '#src/audit/recording.ts'
import { publicUrlOf } from '#src/config.ts'
import { serveSourceAddresses } from '#src/operate/source-addresses.ts'
import type { Base } from './base.ts'
import { freePort } from './free-port.ts'

/** The work of calls takes 2 s at most, so what is left of a stop after that waits for its client. */
const CALLS_END_MS_MAX = 2_500

/** The process's HTTP server, without the routes of its roles; it listens when told to, and ends with the process. */
export async function openHttp(
  base: Base,
): Promise<{ http: FastifyInstance; publicUrl: string; listen: () => Promise<void> }> {
  const { config, log, databases, ids, health, metrics, closing, overrides } = base
  const { port, leave } = await freePort(config.host, config.port, config.portIsFixed)
  closing.opened(leave)
  const trustProxy = config.trustedProxies.length > 0 ? [...config.trustedProxies] : false
  const http = createHttp({ log, trustProxy })
  metrics.countRequests(http)
  overrides.watch?.(http)
  keepAudit(http, { api: databases.api, ids })
  http.addHook('onRequest', async (request) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') health.refuseUnlessDurable()
  })
  serveSourceAddresses(http, config.sourceAddresses)
  const listen = async () => {
    await leave()
    await http.listen({ host: config.host, port })
    closing.working(async () => {
      const cut = setTimeout(() => http.server.closeAllConnections(), CALLS_END_MS_MAX)
      await http.close()
      clearTimeout(cut)
    })
  }
  return { http, publicUrl: publicUrlOf({ ...config, port }), listen }
}
