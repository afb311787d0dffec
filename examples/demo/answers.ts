import { DemoFailure } from './failure.ts'

/** Reading what the service answers: each of these throws when the answer is not of the expected form. */

export function objectOf(value: unknown): object {
  if (typeof value === 'object' && value !== null) return value
  throw unexpected('an object')
}

export function memberOf(value: unknown, name: string): unknown {
  return Reflect.get(objectOf(value), name)
}

export function textOf(value: unknown, name: string): string {
  const member = memberOf(value, name)
  if (typeof member === 'string') return member
  throw unexpected(`a text "${name}"`)
}

export function numberOf(value: unknown, name: string): number {
  const member = memberOf(value, name)
  if (typeof member === 'number') return member
  throw unexpected(`a number "${name}"`)
}

export function listOf(value: unknown, name: string): unknown[] {
  const member = memberOf(value, name)
  if (Array.isArray(member)) return member
  throw unexpected(`a list "${name}"`)
}

function unexpected(what: string): DemoFailure {
  return new DemoFailure(`The service's answer has no such part: ${what}.`)
}
