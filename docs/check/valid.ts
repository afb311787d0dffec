import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { Ajv, type AnySchema } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { producersyncTypes } from '../../packages/server/src/events/producersync-types.ts'
import { ROOT } from '../site/sources.ts'

const ASYNCAPI = '@asyncapi/specs/schemas/3.0.0-without-$id.json'

/** What is wrong with the descriptions of the events: by AsyncAPI's own schema, and each example by its type's. */
export function invalidDescriptions(): string[] {
  return [...asyncApiFaults(), ...exampleFaults()]
}

function asyncApiFaults(): string[] {
  const schema: AnySchema = JSON.parse(readFileSync(createRequire(import.meta.url).resolve(ASYNCAPI), 'utf8'))
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false })
  const document = JSON.parse(readFileSync(join(ROOT, 'docs/asyncapi.json'), 'utf8'))
  const validate = ajv.compile(schema)
  if (validate(document)) return []
  return (validate.errors ?? []).map(({ instancePath, message }) => `asyncapi.json ${instancePath}: ${message}`)
}

function exampleFaults(): string[] {
  const ajv = new Ajv2020({ allErrors: true })
  ;(addFormats as unknown as (ajv: Ajv2020) => void)(ajv)
  return producersyncTypes.flatMap(({ name, schema }) => {
    const validate = ajv.compile(schema)
    return schema.examples.flatMap((example) =>
      validate(example) ? [] : [`${name}: its example does not fit: ${ajv.errorsText(validate.errors)}`],
    )
  })
}
