import type { EventType } from '@producersync/server/contract'
import { ApiError } from '#src/api/request.ts'
import { lineOf } from '#src/json/tree.ts'

/** The example of a type's newest schema, as text to edit; empty when it has none. */
export function exampleOf(type: EventType | undefined): string {
  const schema = newestSchema(type)?.schema
  const examples = schema?.examples
  return Array.isArray(examples) && examples.length > 0 ? JSON.stringify(examples[0], null, 2) : ''
}

/** The schema of the highest version of a type. */
export function newestSchema(type: EventType | undefined): { version: string; schema: Record<string, unknown> } | null {
  const versions = Object.entries(type?.schemas ?? {}).sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
  const [version, schema] = versions.at(-1) ?? []
  return version === undefined || typeof schema !== 'object' || schema === null
    ? null
    : { version, schema: { ...schema } }
}

/** What the service says of a place in the body: its line, its JSON Pointer, and what is wrong; null when it says nothing of it. */
export function bodyRefusal(text: string, error: unknown): { line: number; pointer: string; msg: string } | null {
  const fault = error instanceof ApiError ? error.faults.find(({ loc }) => loc[1] === 'payload') : undefined
  if (!fault) return null
  const place = fault.loc.slice(2).map(String)
  return { line: lineOf(text, place), pointer: place.map((step) => `/${step}`).join(''), msg: fault.msg }
}

/** Where a text stops being a JSON object: line and column from 1; null when it is one. */
export function bodyFault(text: string): { line: number; column: number } | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? null : { line: 1, column: 1 }
  } catch (error) {
    const at = Number(/position (\d+)/.exec(String(error))?.[1] ?? text.length)
    const before = text.slice(0, at).split('\n')
    return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 }
  }
}
