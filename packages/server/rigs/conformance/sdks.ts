import { globSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { Svix as Svix2 } from 'svix'
import { Svix as Svix1 } from 'svix-v1'

/** One of the official JavaScript SDKs, as it comes from npm. */
export type Svix = Svix1 | Svix2
export type Sdk = {
  name: string
  version: string
  open: (token: string, serverUrl: string) => Svix
  /** What it can call: `POST /api/v1/app`. */
  operations: ReadonlySet<string>
}

export function loadSdks(): Sdk[] {
  return [
    sdk('svix', (token, serverUrl) => new Svix2(token, { serverUrl })),
    sdk('svix-v1', (token, serverUrl) => new Svix1(token, { serverUrl })),
  ]
}

const CALL = /HttpMethod\.([A-Z]+),\s*"(\/api\/v1[^"]*)"/g

function sdk(module: string, open: Sdk['open']): Sdk {
  const folder = dirname(createRequire(import.meta.url).resolve(`${module}/package.json`))
  const { name, version }: { name: string; version: string } = JSON.parse(
    readFileSync(join(folder, 'package.json'), 'utf8'),
  )
  const operations = new Set<string>()
  for (const file of globSync('src/api/*.ts', { cwd: folder })) {
    const source = readFileSync(join(folder, file), 'utf8')
    for (const [, method, path] of source.matchAll(CALL)) operations.add(`${method} ${path}`)
  }
  return { name: `${name}@${version}`, version, open, operations }
}
