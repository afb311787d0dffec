import { randomBytes, randomUUID } from 'node:crypto'
import { link, mkdir, open, readFile, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type MasterKey, sealingKey } from './encryption.ts'

/** The master key cannot be read; the message names the file and what to do, never its content. */
export class MasterKeyFault extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'MasterKeyFault'
  }
}

/** A rotation has two; more are left over from rotations that nobody has ended. */
const KEYS_MAX = 8
const BASE64_OF_32_BYTES = /^[A-Za-z0-9+/]{43}=$/

/**
 * Reads the master key: a file that holds the Base64 text of 32 bytes. Further lines are keys that were the master before it.
 * @param options  `create`: make the file (mode 0600) when it is missing, as beside the embedded database
 * @throws MasterKeyFault
 */
export async function loadMasterKey(path: string, options: { create: boolean }): Promise<MasterKey> {
  let text = await readText(path)
  if (text === undefined && options.create) {
    await createKeyFile(path)
    text = await readText(path)
  }
  if (text === undefined) {
    throw new MasterKeyFault(
      `There is no master key at ${path}. Restore it; for a new installation make one: ` +
        `(umask 077; openssl rand -base64 32 > ${path})`,
    )
  }
  const lines = text.trim().split(/\s*\n\s*/)
  if (lines.length > KEYS_MAX || !lines.every((line) => BASE64_OF_32_BYTES.test(line))) {
    throw new MasterKeyFault(
      `The master key at ${path} is not the Base64 text of 32 bytes, nor up to ${KEYS_MAX} lines of them.`,
    )
  }
  const [master, ...former] = lines.map((line) => sealingKey(Buffer.from(line, 'base64')))
  if (!master) throw new Error('a text without lines')
  return { ...master, former }
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'latin1')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw new MasterKeyFault(`The master key at ${path} cannot be read (${codeOf(error)}).`)
  }
}

// Written whole under another name and linked: no reader sees half of it, and of two writers the first wins. Flushed
// first, since what it encrypts would be lost with it.
async function createKeyFile(path: string): Promise<void> {
  const folder = dirname(path)
  const draft = `${path}.${randomUUID()}`
  try {
    await mkdir(folder, { recursive: true })
    await writeFlushed(draft, `${randomBytes(32).toString('base64')}\n`)
    await link(draft, path)
    await flushFolder(folder)
  } catch (error) {
    if (!hasCode(error, 'EEXIST'))
      throw new MasterKeyFault(`The master key cannot be made at ${path} (${codeOf(error)}).`)
  } finally {
    await rm(draft, { force: true })
  }
}

async function writeFlushed(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function flushFolder(path: string): Promise<void> {
  const folder = await open(path)
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

function hasCode(error: unknown, code: string): boolean {
  return codeOf(error) === code
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
}
