import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../site/sources.ts'
import { type Api, breaksBetween } from './breaking.ts'

const FILE = join(ROOT, 'docs/check/released-api.json')
/** Words for people, and what no promise hangs on. */
const LEFT_OUT = new Set([
  'description',
  'summary',
  'example',
  'examples',
  'title',
  'tags',
  'headers',
  'security',
  'pattern',
])

/** What the API takes away from those who use its last release. */
export function breaks(): string[] {
  return breaksBetween(JSON.parse(readFileSync(FILE, 'utf8')) as Api, current())
}

/** Keeps the API as it is now as what has been released: with a release, or when a break is meant. */
export function keepAsReleased(): void {
  const { paths, webhooks, components } = current()
  const lines = (values: object) =>
    Object.entries(values)
      .map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value, leaveOut)}`)
      .join(',\n')
  const parts = [
    `"paths":{\n${lines(paths)}\n}`,
    `"webhooks":{\n${lines(webhooks ?? {})}\n}`,
    `"components":{\n"parameters":{\n${lines(components.parameters ?? {})}\n},\n"schemas":{\n${lines(components.schemas ?? {})}\n}\n}`,
  ]
  writeFileSync(FILE, `{\n${parts.join(',\n')}\n}\n`)
}

function current(): Api {
  return JSON.parse(readFileSync(join(ROOT, 'packages/server/openapi.json'), 'utf8')) as Api
}

/** A field may be called `description` too: that is an object then. */
function leaveOut(name: string, value: unknown): unknown {
  const isWords = LEFT_OUT.has(name) && (typeof value !== 'object' || Array.isArray(value) || name === 'headers')
  const isRefusal = /^[45]\d\d$/.test(name)
  return isWords || isRefusal ? undefined : value
}
