import { Ajv, type Options, type ValidateFunction } from 'ajv'
import Type, {
  type Static,
  type TArray,
  type TNull,
  type TSchema,
  type TString,
  type TUnion,
  type TUnsafe,
} from 'typebox'
import type { Fault } from '#src/domain-error.ts'
import { cutForDetail, toFaults } from './faults.ts'
import { isCalendarDate, isMomentInRange, parseMoment } from './moment.ts'

const CONTROL = /(?![\t\n\r])\p{Cc}/u

// Judges and nothing else: no value is coerced, given a default, or removed.
const options: Options = {
  coerceTypes: false,
  useDefaults: false,
  removeAdditional: false,
  allowUnionTypes: true,
  ownProperties: true,
  verbose: true,
  strict: true,
  formats: {
    'date-time': (text: string) => {
      const moment = parseMoment(text)
      return moment !== undefined && isMomentInRange(moment)
    },
    date: isCalendarDate,
    text: (text: string) => text.isWellFormed() && !CONTROL.test(text),
  },
}
/** Stops at the first error; the other one is asked for the rest of them. */
const quick = new Ajv(options)
const thorough = new Ajv({ ...options, allErrors: true })
for (const ajv of [quick, thorough]) ajv.addVocabulary(['x-expected'])

type Validators = { isValid: ValidateFunction; explain?: ValidateFunction }
const compiled = new WeakMap<TSchema, Validators>()

/**
 * The faults of a value against a schema; none when it fits. Messages say what is expected, never what was given.
 * @param where `body` or `query`, the first item of each `loc`
 */
export function faultsOf(value: unknown, schema: TSchema, where: 'body' | 'query'): Fault[] {
  const validators = validatorsOf(schema)
  const { isValid } = validators
  if (isValid(value)) return []
  const first = isValid.errors ?? []
  validators.explain ??= thorough.compile(schema)
  const detail = cutForDetail(value)
  const errors = validators.explain(detail) ? [] : (validators.explain.errors ?? [])
  return toFaults([...errors, ...first], value, where)
}

function validatorsOf(schema: TSchema): Validators {
  let validators = compiled.get(schema)
  if (validators === undefined) {
    validators = { isValid: quick.compile(schema) }
    compiled.set(schema, validators)
  }
  return validators
}

/** `schema` or null. */
export function nullable<T extends TSchema>(schema: T): TUnion<[T, TNull]> {
  return Type.Union([schema, Type.Null()])
}

/** A moment in a body, as text: RFC 3339 with an offset, years 1970 to 9999. `parseMoment` reads it. */
export function momentText(): TString {
  return Type.String({ format: 'date-time' })
}

/** An id of one kind, as answers show it: its prefix and 27 characters. */
export function idText(prefix: string): TString {
  return Type.String({ pattern: `^${prefix}[0-9A-Za-z]{27}$` })
}

/** Any JSON object. */
export function anyObject(description?: string): TUnsafe<Record<string, unknown>> {
  return Type.Unsafe<Record<string, unknown>>({ type: 'object', ...(description === undefined ? {} : { description }) })
}

/** An object that gives names values of one kind. Not `Type.Record`: its pattern of names passes over those with a line break, and their values. */
export function mapOf<T extends TSchema>(schema: T): TUnsafe<Record<string, Static<T>>> {
  return Type.Unsafe<Record<string, Static<T>>>({ type: 'object', additionalProperties: schema })
}

/** Text for people: no control characters but tab and line breaks, no lone surrogates. Source: webhook-api 3. */
export function plainText(lengthMax: number, lengthMin = 0): TString {
  return Type.String({ format: 'text', minLength: lengthMin, maxLength: lengthMax })
}

/** A string of a pattern, with the words that tell people what it takes: `1 to 256 of a-z, A-Z, 0-9, -, _ and .`. */
export function patternText(pattern: RegExp, expected: string): TString {
  return Type.String({ pattern: pattern.source, 'x-expected': expected })
}

/** One of these words. */
export function oneOf<const Words extends readonly string[]>(words: Words): TUnsafe<Words[number]> {
  return Type.Unsafe<Words[number]>({ type: 'string', enum: words })
}

/** A list of `schema`. */
export function listOf<T extends TSchema>(schema: T, itemsMax: number, itemsMin = 0): TArray<T> {
  return Type.Array(schema, { minItems: itemsMin, maxItems: itemsMax })
}
