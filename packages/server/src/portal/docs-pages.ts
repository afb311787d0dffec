import { readFile } from 'node:fs/promises'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Docs } from './built-docs.ts'
import { typeOfFile } from './built-pages.ts'
import { cacheOfHashed, isHashed, takesGzip } from './pages.ts'

const PREFIX = '/docs'
const BUILDING_SECONDS = 2

/** Nothing but what comes with it: no other host, no inline script, no inline style. */
export const DOCS_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "font-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')

/**
 * Serves the documentation under `/docs/`, each page at its path without `.html`. A path is looked up among the names of the built
 * files and never resolved against a folder, so none leads out of it. While it is being built, and where it cannot be, it says so.
 */
export function registerDocs(http: FastifyInstance, docs: () => Docs): void {
  const answer = async (request: FastifyRequest, reply: FastifyReply, path: string) => {
    const now = docs()
    reply.header('content-security-policy', DOCS_POLICY)
    if (now.state === 'building') {
      reply.header('retry-after', BUILDING_SECONDS)
      return await say(reply, 503, 'The documentation is being built', 'It takes some seconds. This page asks again.')
    }
    if (now.state === 'missing') return await say(reply, 503, 'The documentation is not there', now.reason)
    const name = fileAt(now.files, path)
    if (name === undefined) return await say(reply, 404, 'No such page', 'The documentation has no page here.')
    // links are relative: the first page is a folder, and no other page is
    const isFolder = request.url.split('?', 1)[0]?.endsWith('/')
    if (path === '' && !isFolder) return await reply.redirect('docs/', 302)
    if (path !== '' && isFolder) return await reply.redirect(`../${path.split('/').at(-1)}`, 302)
    return await send(request, reply, { name, files: now.files, version: now.version })
  }
  http.get(PREFIX, async (request, reply) => await answer(request, reply, ''))
  http.get<{ Params: { '*': string } }>(`${PREFIX}/*`, async (request, reply) => {
    return await answer(request, reply, request.params['*'].replace(/\/$/, ''))
  })
}

function fileAt(files: ReadonlyMap<string, string>, path: string): string | undefined {
  return [path, path === '' ? 'index.html' : `${path}.html`].find((name) => files.has(name) && !name.endsWith('.gz'))
}

async function send(
  request: FastifyRequest,
  reply: FastifyReply,
  { name, files, version }: { name: string; files: ReadonlyMap<string, string>; version: string },
): Promise<FastifyReply> {
  const entityTag = `"${version}"`
  reply.type(typeOfFile(name)).header('cache-control', isHashed(name) ? cacheOfHashed : 'no-cache')
  reply.header('etag', entityTag).header('vary', 'accept-encoding')
  if (request.headers['if-none-match'] === entityTag) return await reply.code(304).send()
  const gzipped = takesGzip(request) ? files.get(`${name}.gz`) : undefined
  if (gzipped !== undefined) return await reply.header('content-encoding', 'gzip').send(await readFile(gzipped))
  return await reply.send(await readFile(files.get(name) ?? ''))
}

async function say(reply: FastifyReply, status: number, title: string, text: string): Promise<FastifyReply> {
  const words = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  const again = reply.hasHeader('retry-after') ? `<meta http-equiv="refresh" content="${BUILDING_SECONDS}">` : ''
  return await reply
    .code(status)
    .header('cache-control', 'no-store')
    .type('text/html; charset=utf-8')
    .send(
      `<!doctype html><html lang="en"><head><meta charset="utf-8">${again}<title>${title}</title></head><body><main><h1>${title}</h1><p>${words}</p></main></body></html>`,
    )
}
