import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { afterAll, test } from 'vitest'
import { sealingKey } from './encryption.ts'
import { loadMasterKey, MasterKeyFault } from './master-key.ts'

const folder = mkdtempSync(join(tmpdir(), 'master-key-'))
afterAll(() => rmSync(folder, { recursive: true }))

test('a master key is made once, readable by its owner only, also when several ask at the same moment', async () => {
  const path = join(folder, 'data', 'master-key')
  const asked: ReturnType<typeof loadMasterKey>[] = []
  for (let index = 0; index < 100; index += 1) {
    asked.push(loadMasterKey(path, { create: true }))
    await setImmediate() // so that each stands elsewhere on its way
  }
  const keys = await Promise.all(asked)
  assert.equal(new Set(keys.map((key) => key.id.toString('hex'))).size, 1)
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.equal(Buffer.from(readFileSync(path, 'utf8').trim(), 'base64').length, 32)
  assert.deepEqual(readdirSync(join(folder, 'data')), ['master-key'])
})

test('further lines are keys that were the master before', async () => {
  const path = join(folder, 'changed')
  const [next, former] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
  writeFileSync(path, `${next.toString('base64')}\n${former.toString('base64')}\n`)
  const master = await loadMasterKey(path, { create: false })
  assert.deepEqual([master.id, master.former?.map(({ id }) => id)], [sealingKey(next).id, [sealingKey(former).id]])
})

test('a missing master key is refused, not made, unless told so', async () => {
  const path = join(folder, 'missing')
  await assert.rejects(loadMasterKey(path, { create: false }), (error) => {
    return error instanceof MasterKeyFault && error.message.includes(path)
  })
})

test.each([
  ['empty', ''],
  ['too short', Buffer.alloc(31, 7).toString('base64')],
  ['too long', Buffer.alloc(33, 7).toString('base64')],
  ['half changed', `${Buffer.alloc(32, 7).toString('base64')}\nsoon`],
  ['full of keys', `${Buffer.alloc(32, 7).toString('base64')}\n`.repeat(9)],
  ['hex', Buffer.alloc(32, 7).toString('hex')],
  ['no text', '\u0000\u0001'],
])('a master key file that is %s is refused, without its content in the message', async (name, text) => {
  const path = join(folder, name.replaceAll(' ', '-'))
  writeFileSync(path, text)
  await assert.rejects(loadMasterKey(path, { create: true }), (error) => {
    return (
      error instanceof MasterKeyFault &&
      error.message.includes(path) &&
      (text === '' || !error.message.includes(text.slice(0, 20)))
    )
  })
  assert.equal(readFileSync(path, 'utf8'), text)
})
