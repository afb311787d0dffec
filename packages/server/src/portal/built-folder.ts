import { spawn } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { glob, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { setPriority } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Pages are not there and cannot be built here; the message is for the operator. */
export class PagesNotBuilt extends Error {
  constructor(reason: string, what = "The portal's pages") {
    super(`${what} cannot be built: ${reason}`)
    this.name = 'PagesNotBuilt'
  }
}

/** How a folder of pages is made. Files are named from the root of the repository. */
export type Recipe = {
  /** As in "… cannot be built". */
  what: string
  /** Where its builds are, each in a folder of its own. */
  builds: string
  /** What it is made of, as patterns; without the first of them there is nothing to build. */
  sources: readonly [string, ...string[]]
  isLeftOut: (file: string) => boolean
  /** A program for Node, with its arguments, that fills the folder. @throws PagesNotBuilt */
  program: (folder: string) => readonly string[]
  cwd: string
}

export const ROOT = fileURLToPath(new URL('../../../..', import.meta.url))
const BUILD_MS_MAX = 50_000
/** A folder that is being filled for so long belongs to a build that was cut. */
const CUT_MS = 600_000
const ERROR_TEXT_MAX = 2_000
const BUILDING = 'building-'
/** Of a build beside the service's own work. */
const LOW_PRIORITY = 10

/**
 * The folder with the pages of the sources as they are, built with the installed packages when it is not there yet. It is named
 * after its sources and moved into place when whole: builds that run at once, or are cut, do no harm.
 * @param signal  ends a build, which then goes on at the next start; with it, the build yields to all else
 * @throws PagesNotBuilt
 */
export async function builtFolder(recipe: Recipe, signal?: AbortSignal): Promise<string> {
  const builds = join(ROOT, recipe.builds)
  const folder = join(builds, await fingerprint(recipe))
  if (existsSync(folder)) return folder
  const building = join(builds, `${BUILDING}${randomUUID()}`)
  try {
    await mkdir(building, { recursive: true })
    await run(recipe, building, signal)
    await moveInto(folder, building)
    await removeOthers(builds, folder)
  } catch (error) {
    if (error instanceof PagesNotBuilt) throw error
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    throw new PagesNotBuilt(`${builds} cannot be written (${code}). Once, as its owner: npm run build`, recipe.what)
  } finally {
    await rm(building, { recursive: true, force: true }).catch(() => undefined)
  }
  return folder
}

async function fingerprint({ what, sources, isLeftOut }: Recipe): Promise<string> {
  const names: string[] = []
  for await (const name of glob(sources, { cwd: ROOT, exclude: isLeftOut })) if (!isLeftOut(name)) names.push(name)
  if (!names.includes(sources[0])) throw new PagesNotBuilt(`there are no sources in ${ROOT}`, what)
  const hash = createHash('sha256')
  for (const name of ['package-lock.json', ...names.sort()]) {
    const path = join(ROOT, name)
    if (!(await stat(path)).isFile()) continue
    const bytes = await readFile(path)
    hash.update(`${name} ${bytes.length}\n`).update(bytes)
  }
  return hash.digest('hex').slice(0, 16)
}

async function run({ what, program, cwd }: Recipe, folder: string, signal: AbortSignal | undefined): Promise<void> {
  const builder = spawn(process.execPath, program(folder), {
    cwd: join(ROOT, cwd),
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: BUILD_MS_MAX,
    killSignal: 'SIGKILL',
    env: { NODE_ENV: 'production' },
    ...(signal && { signal }),
  })
  builder.on('error', () => undefined) // it could not be started, or was ended: it has no exit code then
  if (signal && builder.pid !== undefined) setPriority(builder.pid, LOW_PRIORITY)
  let said = ''
  builder.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-ERROR_TEXT_MAX)
  })
  const [exitCode] = await once(builder, 'close')
  if (signal?.aborted) throw new PagesNotBuilt('it was ended', what)
  if (exitCode === null) throw new PagesNotBuilt(`it took longer than ${BUILD_MS_MAX / 1_000} s`, what)
  if (exitCode !== 0) throw new PagesNotBuilt(`the builder ended with ${String(exitCode)}.\n${said}`, what)
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
