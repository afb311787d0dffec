import { createCipheriv, createDecipheriv, createHmac, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import type { Queryable } from '#src/adapters/postgres/database.ts'

/**
 * Secrets at rest: AES-256-GCM under a data key per account, itself sealed by the master key, which is kept outside the
 * database. Sealed bytes are: format (1), id of the key (8), nonce (12), ciphertext, tag (16).
 */

/** 32 secret bytes and the id that names them in what they seal. */
export type SealingKey = { readonly id: Buffer; readonly key: KeyObject }

/** What data keys are sealed with; and the keys that came before it in the file, which open what they have sealed until it is rewrapped. */
export type MasterKey = SealingKey & { readonly former?: readonly SealingKey[] }

/** All that open, the one that seals first. */
export function openingKeys(master: MasterKey): readonly SealingKey[] {
  return [master, ...(master.former ?? [])]
}

/** What sealed bytes belong to: bytes moved to another account, object or purpose do not open. */
export type SealedFor = { accountId: string; objectId: string; purpose: string }

const KEY_BYTES = 32
const FORMAT = 1
const ID_BYTES = 8
const NONCE_BYTES = 12
const TAG_BYTES = 16
const HEAD_BYTES = 1 + ID_BYTES
const DATA_KEYS_CACHED_MAX = 10_000
const CHECK_TEXT = Buffer.from('producersync')
/** Held by whoever makes a data key (shared), and alone by whoever changes which master key the database holds. */
const MASTER_KEY_LOCK = 'psapi.master-key'
const CHECK: SealedFor = { accountId: '', objectId: '', purpose: 'master-key-check' }

/** Bytes that are not what this key sealed for this place: changed, moved, cut, or of another key. */
export class CannotOpen extends Error {
  constructor() {
    super('Sealed bytes do not open with this key and place.')
    this.name = 'CannotOpen'
  }
}

/** The database holds secrets of another master key. */
export class WrongMasterKey extends Error {
  constructor() {
    super(
      'The master key is not the one this database was encrypted with. ' +
        'Point MASTER_KEY_FILE at the right key: without it the stored signing secrets cannot be read.',
    )
    this.name = 'WrongMasterKey'
  }
}

/** @param bytes  exactly 32 */
export function sealingKey(bytes: Buffer): SealingKey {
  if (bytes.length !== KEY_BYTES) throw new RangeError('a key has 32 bytes')
  const id = createHmac('sha256', bytes).update('key id').digest().subarray(0, ID_BYTES)
  return { id, key: createSecretKey(bytes) }
}

export function seal(key: SealingKey, plaintext: Uint8Array, place: SealedFor): Buffer {
  const nonce = randomBytes(NONCE_BYTES)
  const head = Buffer.concat([Buffer.of(FORMAT), key.id])
  const cipher = createCipheriv('aes-256-gcm', key.key, nonce).setAAD(bound(head, place))
  return Buffer.concat([head, nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
}

/** Was it sealed by this key, as its bytes say? */
function isSealedBy(key: SealingKey, sealed: Buffer): boolean {
  return sealed.subarray(1, HEAD_BYTES).equals(key.id)
}

/** @throws CannotOpen */
export function open(key: SealingKey, sealed: Buffer, place: SealedFor): Buffer {
  const head = sealed.subarray(0, HEAD_BYTES)
  const textAt = HEAD_BYTES + NONCE_BYTES
  if (sealed.length < textAt + TAG_BYTES || head[0] !== FORMAT || !isSealedBy(key, sealed)) throw new CannotOpen()
  const decipher = createDecipheriv('aes-256-gcm', key.key, sealed.subarray(HEAD_BYTES, textAt))
    .setAAD(bound(head, place))
    .setAuthTag(sealed.subarray(-TAG_BYTES))
  try {
    return Buffer.concat([decipher.update(sealed.subarray(textAt, -TAG_BYTES)), decipher.final()])
  } catch {
    throw new CannotOpen()
  }
}

// As JSON, so that no two places read the same however their parts are cut.
function bound(head: Buffer, { accountId, objectId, purpose }: SealedFor): Buffer {
  return Buffer.concat([head, Buffer.from(JSON.stringify([accountId, objectId, purpose]))])
}

/** Makes, unwraps and remembers (at most 10,000) the data keys of accounts. */
export class DataKeys {
  readonly #master: SealingKey
  readonly #masters: readonly SealingKey[]
  readonly #known = new Map<string, SealingKey>()

  constructor(master: MasterKey) {
    this.#master = master
    this.#masters = openingKeys(master)
  }

  /**
   * A new data key as the account's row keeps it: sealed by the master key that the database holds, which stays so until the
   * transaction ends.
   * @throws WrongMasterKey
   */
  async newDataKey(tx: Queryable, accountId: string): Promise<Buffer> {
    await tx.query`select pg_advisory_xact_lock_shared(hashtextextended(${MASTER_KEY_LOCK}, 0))`
    const held = await tx.query<{ id: Buffer }>`select id from master_key`
    const master = this.#masters.find(({ id }) => held.some((one) => one.id.equals(id)))
    if (!master) throw new WrongMasterKey()
    return seal(master, randomBytes(KEY_BYTES), dataKeyOf(accountId))
  }

  /**
   * An account's key under the first of the master keys.
   * @param wrapped  the account row's `data_key`
   * @throws CannotOpen
   */
  rewrapped(accountId: string, wrapped: Buffer): Buffer {
    return seal(this.#master, this.#unwrap(accountId, wrapped), dataKeyOf(accountId))
  }

  /**
   * The account's key, for `seal` and `open`.
   * @param wrapped  the account row's `data_key`
   * @throws CannotOpen
   */
  of(accountId: string, wrapped: Buffer): SealingKey {
    const known = this.#known.get(accountId)
    if (known) return known
    const key = sealingKey(this.#unwrap(accountId, wrapped))
    const oldest = this.#known.keys().next()
    if (this.#known.size >= DATA_KEYS_CACHED_MAX && !oldest.done) this.#known.delete(oldest.value)
    this.#known.set(accountId, key)
    return key
  }

  #unwrap(accountId: string, wrapped: Buffer): Buffer {
    const master = this.#masters.find((key) => isSealedBy(key, wrapped))
    if (!master) throw new CannotOpen()
    return open(master, wrapped, dataKeyOf(accountId))
  }

  /** The account's key, its row read only when the key is not yet known. @throws CannotOpen; Error when there is no such account */
  async read(tx: Queryable, accountId: string): Promise<SealingKey> {
    const known = this.#known.get(accountId)
    if (known) return known
    const [row] = await tx.query<{ data_key: Buffer }>`select data_key from account where id = ${accountId}`
    if (!row) throw new Error('no such account')
    return this.of(accountId, row.data_key)
  }
}

function dataKeyOf(accountId: string): SealedFor {
  return { accountId, objectId: accountId, purpose: 'data-key' }
}

/**
 * Refuses a master key that is not this database's; the first one ever used becomes it. The caller's transaction takes
 * care of processes that start at once (`first-start.ts`).
 * @throws WrongMasterKey
 */
export async function checkMasterKey(tx: Queryable, master: MasterKey, now: Date): Promise<void> {
  const [any] = await tx.query`select id from master_key limit 1`
  if (!any) await addMasterKey(tx, master, now)
  else if (!(await heldMasterKey(tx, master))) throw new WrongMasterKey()
}

/** Makes it one that the database holds. */
export async function addMasterKey(tx: Queryable, master: SealingKey, now: Date): Promise<void> {
  await tx.query`
    insert into master_key (id, check_value, created_at) values (${master.id}, ${seal(master, CHECK_TEXT, CHECK)}, ${now})`
}

/** Until the transaction ends, no data key is made. */
export async function keepDataKeys(tx: Queryable): Promise<void> {
  await tx.query`select pg_advisory_xact_lock(hashtextextended(${MASTER_KEY_LOCK}, 0))`
}

/** Which of these master keys the database holds: it, or one of the former ones; undefined: none. */
export async function heldMasterKey(tx: Queryable, master: MasterKey): Promise<SealingKey | undefined> {
  const keys = openingKeys(master)
  const checks = await tx.query<{ id: Buffer; check_value: Buffer }>`
    select id, check_value from master_key where id = any (${keys.map(({ id }) => id)}::bytea[])`
  return keys.find((key) => checks.some((check) => check.id.equals(key.id) && opens(key, check.check_value)))
}

function opens(master: SealingKey, check: Buffer): boolean {
  try {
    return open(master, check, CHECK).equals(CHECK_TEXT)
  } catch (error) {
    if (error instanceof CannotOpen) return false
    throw error
  }
}
