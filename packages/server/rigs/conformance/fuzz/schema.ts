import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import * as formats from 'ajv-formats'

/** A schema of a description, as far as values are made from it. */
export type Schema = {
  $ref?: string
  type?: string
  format?: string
  pattern?: string
  const?: unknown
  enum?: readonly unknown[]
  anyOf?: readonly Schema[]
  items?: Schema
  properties?: Record<string, Schema>
  required?: readonly string[]
  additionalProperties?: Schema | boolean
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  minItems?: number
  maxItems?: number
}

/** Schemas by name, and whether values fit them. */
export class Schemas {
  readonly #named: Readonly<Record<string, Schema>>
  readonly #ajv = new Ajv2020({ strict: false })
  readonly #compiled = new Map<Schema, ValidateFunction>()

  constructor(named: Readonly<Record<string, Schema>>) {
    this.#named = named
    formats.default.default(this.#ajv)
    this.#ajv.addSchema({ $id: 'doc', components: { schemas: named } })
  }

  resolve(schema: Schema): Schema {
    const name = schema.$ref?.split('/').at(-1)
    if (name === undefined) return schema
    const found = this.#named[name]
    if (!found) throw new Error(`there is no schema ${name}`)
    return found
  }

  fits(value: unknown, schema: Schema): boolean {
    let validate = this.#compiled.get(schema)
    if (!validate) {
      validate = this.#ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"doc#/')) as object)
      this.#compiled.set(schema, validate)
    }
    return validate(value)
  }
}
