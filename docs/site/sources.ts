import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { apiPages } from './api-reference.ts'

/** The repository. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/**
 * A page before it is one: `path` is where it stands under `/docs/` (the first page has none), `file` where it comes from, both with
 * slashes; what is made of the description of the API has the file that it would have.
 */
export type Source = { path: string; file: string; markdown: string }

/** Pages that stand elsewhere for their own readers. */
const ELSEWHERE: Record<string, string> = {
  'CHANGELOG.md': 'changelog',
  'packages/receiver/README.md': 'reference/webhooks-package',
  'packages/cli/README.md': 'reference/psapi',
}
const MARKDOWN = 'docs/**/*.md'

/** All pages, those of the first folder first. */
export function readSources(): Source[] {
  const files = [...globSync(MARKDOWN, { cwd: ROOT, exclude: isBuilt }).sort(), ...Object.keys(ELSEWHERE)]
  const written = files.flatMap((file): Source[] => {
    const path = sitePathOf(file)
    return path === null ? [] : [{ path, file, markdown: readFileSync(join(ROOT, file), 'utf8') }]
  })
  const openapi = JSON.parse(readFileSync(join(ROOT, 'packages/server/openapi.json'), 'utf8')) as Parameters<
    typeof apiPages
  >[0]
  return [...written, ...apiPages(openapi)]
}

export function isBuilt(path: string): boolean {
  return /(^|[/\\])(node_modules|dist)$/.test(path)
}

/** Where a Markdown file of the repository stands on the site; null: nowhere. */
export function sitePathOf(file: string): string | null {
  const elsewhere = ELSEWHERE[file]
  if (elsewhere !== undefined) return elsewhere
  const inDocs = /^docs\/(.+)[.]md$/.exec(file)?.[1]
  if (inDocs === undefined) return null
  return inDocs.replace(/^guides\//, '').replace(/(^|\/)README$/, '')
}

/** From one page to another, or to a file of the site, as a link says it. */
export function linkFrom(path: string, to: string): string {
  return relative(dirname(`/${path}`), `/${to}`).replaceAll('\\', '/') || './'
}
