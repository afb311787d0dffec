import { spawn } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { glob, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

/** A file of the pages; `gzipped` where that is smaller. */
export type PageFile = { type: string; bytes: Buffer; gzipped: Buffer | null }

/** The portal as it is served: one page, by the status it is answered with, and files by their path. */
export type Pages = { status: 200 | 503; index: string; files: ReadonlyMap<string, PageFile> }

/** The pages are not there and cannot be built here; the message is for the operator. */
export class PagesNotBuilt extends Error {
  constructor(reason: string) {
    super(`The portal's pages cannot be built: ${reason}`)
    this.name = 'PagesNotBuilt'
  }
}

/** Where a page's policy has its nonce: in `<meta property="csp-nonce">`. */
export const NONCE_PLACE = '__CSP_NONCE__'
/** Where a page is told whose frames may show it: in `<meta name="psapi-hosts">`, origins with blanks between. */
export const HOSTS_PLACE = '__FRAME_HOSTS__'

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url))
const PORTAL = join(ROOT, 'packages', 'portal')
/** Shown by the portal, and kept where the guides have it. */
const SNIPPETS = '../../docs/snippets/verify/*'
/** What the pages are made of. */
const SOURCES = ['index.html', 'package.json', 'vite.config.ts', 'src/**/*', 'public/**/*', SNIPPETS]
const TESTS = /[.]test[.]tsx?$/
const BUILD_MS_MAX = 50_000
/** A folder that is being filled for so long belongs to a build that was cut. */
const CUT_MS = 600_000
const ERROR_TEXT_MAX = 2_000
const BUILDING = 'building-'

const TYPES: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
}
const COMPRESSED_ALREADY = new Set(['.ico', '.png', '.webp', '.woff2'])

/**
 * The folder with the pages of the sources as they are, built with the installed packages when it is not there yet. It is named
 * after its sources and moved into place when whole: builds that run at once, or are cut, do no harm.
 * @throws PagesNotBuilt
 */
export async function buildPages(): Promise<string> {
  const builds = join(PORTAL, 'dist')
  const folder = join(builds, await fingerprint())
  if (existsSync(folder)) return folder
  const building = join(builds, `${BUILDING}${randomUUID()}`)
  try {
    await mkdir(building, { recursive: true })
    await runVite(building)
    await moveInto(folder, building)
    await removeOthers(builds, folder)
  } catch (error) {
    if (error instanceof PagesNotBuilt) throw error
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    throw new PagesNotBuilt(`${builds} cannot be written (${code}). Once, as its owner: npm run build`)
  } finally {
    await rm(building, { recursive: true, force: true }).catch(() => undefined)
  }
  return folder
}

/** Reads a built folder. @throws PagesNotBuilt */
export async function readPages(folder: string): Promise<Pages> {
  const files = new Map<string, PageFile>()
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    const extension = extname(entry.name)
    const bytes = await readFile(path)
    const gzipped = COMPRESSED_ALREADY.has(extension) ? null : gzipSync(bytes, { level: 9 })
    const name = path.slice(folder.length + 1).replaceAll('\\', '/')
    files.set(name, { type: TYPES[extension] ?? 'application/octet-stream', bytes, gzipped })
  }
  const index = files.get('index.html')
  if (!index?.bytes.includes(NONCE_PLACE))
    throw new PagesNotBuilt(`in ${folder} is no index.html with a place for a nonce`)
  files.delete('index.html') // it is not served as it is
  return { status: 200, index: index.bytes.toString(), files }
}

/** What is shown where there are no pages. */
export function withoutPages({ message }: PagesNotBuilt): Pages {
  const text = message.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  const index = `<!doctype html><html lang="en"><head><title>Not built</title></head><body><h1>The portal is not there</h1><p>${text}</p><p>The API is not affected.</p></body></html>`
  return { status: 503, index, files: new Map() }
}

async function fingerprint(): Promise<string> {
  const hash = createHash('sha256')
  const names: string[] = []
  for await (const name of glob(SOURCES, { cwd: PORTAL })) if (!TESTS.test(name)) names.push(name)
  if (!names.includes('index.html')) throw new PagesNotBuilt(`there are no sources in ${PORTAL}`)
  const paths = [join(ROOT, 'package-lock.json'), ...names.sort().map((name) => join(PORTAL, name))]
  for (const path of paths) {
    if (!(await stat(path)).isFile()) continue
    const bytes = await readFile(path)
    hash.update(`${path.slice(ROOT.length)} ${bytes.length}\n`).update(bytes)
  }
  return hash.digest('hex').slice(0, 16)
}

async function runVite(outDir: string): Promise<void> {
  const args = [viteProgram(), 'build', '--outDir', outDir, '--emptyOutDir', '--logLevel', 'warn']
  const vite = spawn(process.execPath, args, {
    cwd: PORTAL,
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: BUILD_MS_MAX,
    killSignal: 'SIGKILL',
    env: { NODE_ENV: 'production' },
  })
  let said = ''
  vite.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-ERROR_TEXT_MAX)
  })
  const [exitCode] = await once(vite, 'close')
  if (exitCode === null) throw new PagesNotBuilt(`it took longer than ${BUILD_MS_MAX / 1_000} s`)
  if (exitCode !== 0) throw new PagesNotBuilt(`Vite ended with ${String(exitCode)}.\n${said}`)
}

function viteProgram(): string {
  try {
    return join(createRequire(join(PORTAL, 'package.json')).resolve('vite/package.json'), '..', 'bin', 'vite.js')
  } catch {
    throw new PagesNotBuilt('Vite is not installed. Install all packages: npm ci')
  }
}

/** The first to be done has it; what the others made is the same. */
async function moveInto(folder: string, building: string): Promise<void> {
  try {
    await rename(building, folder)
  } catch (error) {
    if (!existsSync(folder)) throw error
  }
}

async function removeOthers(builds: string, folder: string): Promise<void> {
  for (const name of await readdir(builds)) {
    const path = join(builds, name)
    if (path === folder) continue
    if (name.startsWith(BUILDING) && Date.now() - (await stat(path)).mtimeMs < CUT_MS) continue
    await rm(path, { recursive: true, force: true })
  }
}
