import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import * as formats from 'ajv-formats'

const outputs = read('../schemas/outputs.schema.json')
const ajv = new Ajv2020({ strict: false, allErrors: true })
formats.default.default(ajv)
ajv.addSchema({ $id: 'api', components: read('../../server/openapi.json').components })
ajv.addSchema({ $id: 'outputs', ...outputs })

function read(path: string) {
  return JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'))
}

/** The command that these arguments name, as its output is listed. @throws an error when it is not */
export function commandOf(args: readonly string[]): string {
  const name = [3, 2, 1].map((words) => args.slice(0, words).join(' ')).find((one) => Object.hasOwn(outputs.$defs, one))
  if (name === undefined)
    throw new Error(`schemas/outputs.schema.json does not say what psapi ${args.join(' ')} prints`)
  return name
}

/** @returns `value` @throws an error when a command must not print it */
export function judgeOutput<T>(command: string, value: T): T {
  const name = encodeURIComponent(command)
  const isValid = ajv.getSchema(`outputs#/$defs/${name}`)
  if (!isValid?.(value))
    throw new Error(`psapi ${command} prints ${JSON.stringify(value)}: ${ajv.errorsText(isValid?.errors)}`)
  return value
}
