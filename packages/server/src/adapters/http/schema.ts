import { Ajv, type ValidateFunction } from 'ajv'
import Type, { type TArray, type TNull, type TSchema, type TString, type TUnion, type TUnsafe } from 'typebox'
import type { Fault } from '#src/domain-error.ts'
import { toFaults } from './faults.ts'
import { isCalendarDate, isMomentInRange, parseMoment } from './moment.ts'

const CONTROL = /(?![\t\n\r])\p{Cc}/u

// Judges and nothing else: no value is coerced, given a default, or removed.
const ajv = new Ajv({
  allErrors: true,
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
})
ajv.addVocabulary(['x-expected'])

const validators = new WeakMap<TSchema, ValidateFunction>()

/**
 * The faults of a value against a schema; none when it fits. Messages say what is expected, never what was given.
 * @param where `body` or `query`, the first item of each `loc`
 */
export function faultsOf(value: unknown, schema: TSchema, where: 'body' | 'query'): Fault[] {
  const validate = validatorOf(schema)
  if (validate(value)) return []
  return toFaults(validate.errors ?? [], value, where)
}

/** Compiles a schema ahead of its first use; also finds mistakes in it. */
export function validatorOf(schema: TSchema): ValidateFunction {
  let validate = validators.get(schema)
  if (validate === undefined) {
    validate = ajv.compile(schema)
    validators.set(schema, validate)
  }
  return validate
}

/** `schema` or null. */
export function nullable<T extends TSchema>(schema: T): TUnion<[T, TNull]> {
  return Type.Union([schema, Type.Null()])
}

/** A moment in a body, as text: RFC 3339 with an offset, years 1970 to 9999. `parseMoment` reads it. */
export function momentText(): TString {
  return Type.String({ format: 'date-time' })
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
