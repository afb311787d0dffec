import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const entry = new URL('./index.ts', import.meta.url)

function importsOf(file: URL, seen = new Set<string>()): Set<string> {
  for (const [, from = ''] of readFileSync(file, 'utf8').matchAll(/^(?:import|export) .*?from '(.+?)'/gms)) {
    const found = from.startsWith('.') ? new URL(from, file) : undefined
    const name = found?.href ?? from
    if (seen.has(name)) continue
    seen.add(name)
    if (found) importsOf(found, seen)
  }
  return seen
}

test('the core imports nothing but its own files', () => {
  const imports = [...importsOf(entry)]
  expect(imports.length).toBeGreaterThan(5)
  expect(imports.filter((name) => !name.startsWith('file:') || name.includes('node'))).toEqual([])
})

test('the core signs and verifies where there is no Buffer and no process', () => {
  const script = `
    const print = process.stdout.write.bind(process.stdout)
    const { sign, verify } = await import(${JSON.stringify(entry.href)})
    delete globalThis.Buffer
    delete globalThis.process
    const secrets = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
    const timestamp = Math.floor(Date.now() / 1000)
    const headers = await sign({ id: 'msg_1', timestamp, body: '{"a":1}', secrets })
    print(JSON.stringify(await verify('{"a":1}', headers, { secrets })))`
  expect(execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })).toBe('{"a":1}')
})
