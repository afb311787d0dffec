import { readdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { extname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { builtFolder, isBuilt, PagesNotBuilt, type Recipe, ROOT } from './built-folder.ts'

/** A file of the pages; `gzipped` where that is smaller. */
export type PageFile = { type: string; bytes: Buffer; gzipped: Buffer | null }

/** The portal as it is served: one page, by the status it is answered with, and files by their path. */
export type Pages = { status: 200 | 503; index: string; files: ReadonlyMap<string, PageFile> }

/** Where a page's policy has its nonce: in `<meta property="csp-nonce">`. */
export const NONCE_PLACE = '__CSP_NONCE__'
/** Where a page is told whose frames may show it: in `<meta name="psapi-hosts">`, origins with blanks between. */
export const HOSTS_PLACE = '__FRAME_HOSTS__'

const PORTAL = 'packages/portal'
const recipe: Recipe = {
  what: "The portal's pages",
  builds: `${PORTAL}/dist`,
  sources: [
    `${PORTAL}/index.html`,
    `${PORTAL}/package.json`,
    `${PORTAL}/vite.config.ts`,
    `${PORTAL}/src/**/*`,
    `${PORTAL}/public/**/*`,
    'docs/snippets/verify/*', // shown by the portal, and kept where the guides have it
  ],
  isLeftOut: (file) => /[.]test[.]tsx?$/.test(file),
  program: (folder) => [viteProgram(), 'build', '--outDir', folder, '--emptyOutDir', '--logLevel', 'warn'],
  cwd: PORTAL,
}

const TYPES: Record<string, string> = {
  '.atom': 'application/atom+xml; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.md': 'text/markdown; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
}
const COMPRESSED_ALREADY = new Set(['.ico', '.png', '.webp', '.woff2'])

/** The folder with the portal's pages, built where it is not there yet. @throws PagesNotBuilt */
export async function buildPages(): Promise<string> {
  return await builtFolder(recipe)
}

/** Are the pages of the sources as they are built? @throws PagesNotBuilt: there are no sources */
export async function arePagesBuilt(): Promise<boolean> {
  return await isBuilt(recipe)
}

/** Reads a built folder. @throws PagesNotBuilt */
export async function readPages(folder: string): Promise<Pages> {
  const files = new Map<string, PageFile>()
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    const bytes = await readFile(path)
    const gzipped = COMPRESSED_ALREADY.has(extname(entry.name)) ? null : gzipSync(bytes, { level: 9 })
    const name = path.slice(folder.length + 1).replaceAll('\\', '/')
    files.set(name, { type: typeOfFile(name), bytes, gzipped })
  }
  const index = files.get('index.html')
  if (!index?.bytes.includes(NONCE_PLACE))
    throw new PagesNotBuilt(`in ${folder} is no index.html with a place for a nonce`)
  files.delete('index.html') // it is not served as it is
  return { status: 200, index: index.bytes.toString(), files }
}

/** The media type of a file, by its name. */
export function typeOfFile(name: string): string {
  return TYPES[extname(name)] ?? 'application/octet-stream'
}

/** What is shown where there are no pages. */
export function withoutPages({ message }: PagesNotBuilt): Pages {
  const text = message.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  const index = `<!doctype html><html lang="en"><head><title>Not built</title></head><body><h1>The portal is not there</h1><p>${text}</p><p>The API is not affected.</p></body></html>`
  return { status: 503, index, files: new Map() }
}

function viteProgram(): string {
  try {
    const portal = createRequire(join(ROOT, PORTAL, 'package.json'))
    return join(portal.resolve('vite/package.json'), '..', 'bin', 'vite.js')
  } catch {
    throw new PagesNotBuilt('Vite is not installed. Install all packages: npm ci')
  }
}
