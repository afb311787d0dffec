import { createServer, type Server } from 'node:http'
import type { Registry } from 'prom-client'
import type { Health } from './health.ts'

/** Probes and metrics, on an address of their own: nothing here is for customers. */
export function createAdminListener(parts: { health: Health; registry: Registry }): Server {
  const { health, registry } = parts
  const answers: Record<string, () => Promise<Answer>> = {
    '/livez': async () => text(200, 'ok\n'),
    '/startupz': async () => (health.isStarted ? text(200, 'ok\n') : text(503, 'starting\n')),
    '/readyz': async () => {
      const { ready, parts: faults } = await health.ready()
      return {
        status: ready ? 200 : 503,
        type: 'application/json',
        body: `${JSON.stringify({ ready, parts: faults })}\n`,
      }
    },
    '/metrics': async () => ({ status: 200, type: registry.contentType, body: await registry.metrics() }),
  }
  return createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? ''
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    const answer = isRead && Object.hasOwn(answers, path) ? answers[path] : undefined
    const respond = ({ status, type, body }: Answer) => {
      response.writeHead(status, {
        'content-type': type,
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
      })
      response.end(body)
    }
    if (!answer) return respond(text(isRead ? 404 : 405, `${Object.keys(answers).join('\n')}\n`))
    answer().then(respond, () => respond(text(500, 'failed\n')))
  })
}

type Answer = { status: number; type: string; body: string }

function text(status: number, body: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body }
}
