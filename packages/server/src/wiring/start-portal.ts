import type { FastifyInstance } from 'fastify'
import { type Access, createAccess } from '#src/accounts/access.ts'
import { sameOriginRoutes } from '#src/adapters/http/same-origin.ts'
import { type Docs, docsBeside } from '#src/portal/built-docs.ts'
import { PagesNotBuilt } from '#src/portal/built-folder.ts'
import { buildPages, type Pages, readPages, withoutPages } from '#src/portal/built-pages.ts'
import { registerDocs } from '#src/portal/docs-pages.ts'
import { registerPages } from '#src/portal/pages.ts'
import { registerSessionRoutes } from '#src/portal/session-routes.ts'
import type { Base } from './base.ts'
import { openHttp } from './open-http.ts'

/**
 * The portal without the API, for a process with the role `portal` alone: what stands before it sends other paths to the API.
 * @returns where it is reached
 */
export async function startPortal(base: Base): Promise<string> {
  const { http, publicUrl, listen } = await openHttp(base)
  addSessions(http, base, { access: createAccess(base.databases.api, base.clock), publicUrl })
  await addPages(http, base)
  await listen()
  return publicUrl
}

/** Signing in, which a process with the API answers too. */
export function addSessions(
  http: FastifyInstance,
  { config, databases, clock, ids }: Base,
  { access, publicUrl }: { access: Access; publicUrl: string },
): void {
  sameOriginRoutes(http, { prefix: '/portal/session', publicUrl }, (routes) => {
    registerSessionRoutes(routes, {
      api: databases.api,
      access,
      clock,
      ids,
      sendsMail: config.mail !== null,
      publicUrl,
    })
  })
}

/**
 * The pages, built first where they are not yet; the documentation is built beside what follows. Without them all else goes on: the
 * API is no hostage of its portal.
 */
export async function addPages(http: FastifyInstance, { config, log, overrides, closing }: Base): Promise<void> {
  const pages = overrides.pages ?? (await ownPages(log))
  registerPages(http, { pages, frameAncestors: config.frameAncestors })
  registerDocs(http, overrides.docs ?? ownDocs(log, closing))
}

function ownDocs(log: Base['log'], closing: Base['closing']): () => Docs {
  const { docs, close } = docsBeside((reason) => log.error({ event: 'docs.not_built', reason }))
  closing.opened(close)
  return docs
}

async function ownPages(log: Base['log']): Promise<Pages> {
  try {
    return await readPages(await buildPages())
  } catch (error) {
    if (!(error instanceof PagesNotBuilt)) throw error
    log.error({ event: 'portal.not_built', reason: error.message })
    return withoutPages(error)
  }
}
