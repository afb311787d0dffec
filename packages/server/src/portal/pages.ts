import { randomBytes } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { notFound } from '#src/domain-error.ts'
import { NONCE_PLACE, type PageFile, type Pages } from './built-pages.ts'

const PREFIX = '/portal'
/** What has a hash of its bytes in its name. */
const HASHED = 'assets/'
const NONCE_BYTES = 16
const DAY_SECONDS = 86_400
export const cacheOfHashed = 'public, max-age=31536000, immutable'

/**
 * Serves the portal's pages under `/portal/`: its files, and for every other path there the one page, which finds its screen by
 * the path. All of it is in memory, a route for each file, so no path leads out of it. Source: portal 1.
 * @param frameAncestors  origins that may show it in a frame
 */
export function registerPages(
  http: FastifyInstance,
  { pages, frameAncestors }: { pages: Pages; frameAncestors: readonly string[] },
): void {
  const sendPage = async (reply: FastifyReply) => {
    const nonce = randomBytes(NONCE_BYTES).toString('base64')
    if (frameAncestors.length > 0) reply.removeHeader('x-frame-options') // it knows no list
    return await reply
      .code(pages.status)
      .header('cache-control', 'no-store')
      .header('content-security-policy', contentSecurityPolicy(nonce, frameAncestors))
      .type('text/html; charset=utf-8')
      .send(pages.index.replaceAll(NONCE_PLACE, nonce))
  }
  void http.register(
    async (scope) => {
      for (const [name, file] of pages.files) {
        scope.get(`/${name}`, async (request, reply) => {
          return await sendFile(request, reply, name, file)
        })
      }
      scope.get('/', async (_request, reply) => await sendPage(reply))
      scope.setNotFoundHandler(async (request, reply) => {
        if (!namesScreen(request)) throw notFound()
        return await sendPage(reply)
      })
    },
    { prefix: PREFIX },
  )
}

/** An old page that asks for a file that is gone must not be given HTML for a script. */
function namesScreen({ method, url }: FastifyRequest): boolean {
  return (method === 'GET' || method === 'HEAD') && !url.startsWith(`${PREFIX}/${HASHED}`)
}

async function sendFile(
  request: FastifyRequest,
  reply: FastifyReply,
  name: string,
  { type, bytes, gzipped }: PageFile,
): Promise<FastifyReply> {
  reply.type(type).header('cache-control', isHashed(name) ? cacheOfHashed : `public, max-age=${DAY_SECONDS}`)
  if (gzipped === null) return await reply.send(bytes)
  reply.header('vary', 'accept-encoding')
  if (!takesGzip(request)) return await reply.send(bytes)
  return await reply.header('content-encoding', 'gzip').send(gzipped)
}

/** A file that has another name as soon as it has other bytes. */
export function isHashed(name: string): boolean {
  return name.startsWith(HASHED)
}

export function takesGzip({ headers: { 'accept-encoding': accepted = '' } }: FastifyRequest): boolean {
  return /\bgzip\b(?!;\s*q=0(?:[.]0*)?(?:,|$))/.test(accepted)
}

/**
 * What a page may do: nothing but what comes with it, and calls to where it came from. The nonce is for the one style element
 * that React Aria makes.
 */
function contentSecurityPolicy(nonce: string, frameAncestors: readonly string[]): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "font-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    `frame-ancestors ${frameAncestors.length > 0 ? frameAncestors.join(' ') : "'none'"}`,
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ')
}
