import { readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { builtFolder, PagesNotBuilt, type Recipe, ROOT } from './built-folder.ts'

/** The documentation site: being built, or there, or why it is not. `files` are on disk, by their path on the site. */
export type Docs =
  | { state: 'building' }
  | { state: 'ready'; version: string; files: ReadonlyMap<string, string> }
  | { state: 'missing'; reason: string }

const BUILDER = 'docs/site/main.ts'
const recipe: Recipe = {
  what: 'The documentation',
  builds: 'docs/dist',
  sources: [
    BUILDER,
    'docs/site/**/*.{ts,css}',
    'docs/**/*.{md,json,png}',
    'packages/server/openapi.json',
    'packages/{cli,receiver}/README.md',
    'packages/portal/src/look/{tokens.css,before-paint.ts,mark.svg}',
    'CHANGELOG.md',
  ],
  isLeftOut: (file) => /(^|[/\\])(node_modules|dist)([/\\]|$)/.test(file),
  program: (folder) => [join(ROOT, BUILDER), '--out', folder],
  cwd: 'docs',
}

/** The folder with the documentation, built where it is not there yet. @throws PagesNotBuilt */
export async function buildDocs(signal?: AbortSignal): Promise<string> {
  return await builtFolder(recipe, signal)
}

/** What is in a built folder. Nothing is kept in memory: pictures and the index of the search are most of it. */
export async function readDocs(folder: string): Promise<Docs> {
  const files = new Map<string, string>()
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    files.set(path.slice(folder.length + 1).replaceAll('\\', '/'), path)
  }
  return { state: 'ready', version: basename(folder), files }
}

/**
 * Builds the documentation beside whatever else the process does.
 * @param tell  of why it is not there
 * @returns `docs`: what there is of it at any time; `close` ends a build that is under way
 */
export function docsBeside(tell: (reason: string) => void): { docs: () => Docs; close: () => Promise<void> } {
  const ending = new AbortController()
  let docs: Docs = { state: 'building' }
  const build = async () => {
    try {
      docs = await readDocs(await buildDocs(ending.signal))
    } catch (error) {
      if (!(error instanceof PagesNotBuilt)) throw error
      docs = { state: 'missing', reason: error.message }
      if (!ending.signal.aborted) tell(error.message)
    }
  }
  const ended = build()
  return {
    docs: () => docs,
    close: async () => {
      ending.abort()
      await ended
    },
  }
}
