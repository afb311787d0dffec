import { isKnown, parseEvent } from '@producersync/webhooks'
import { examples } from '@producersync/webhooks/testing'
import { Ajv2020 } from 'ajv/dist/2020.js'
import * as formats from 'ajv-formats'
import { expect, test } from 'vitest'
import { producersyncTypes } from './producersync-types.ts'

const ajv = new Ajv2020({ strict: true, allErrors: true })
formats.default.default(ajv)

test.each(producersyncTypes)(
  'rule 40: the example of $name is what its schema and the receiver package call that event',
  (type) => {
    const [example] = type.schema.examples
    expect(ajv.validate(type.schema, example), ajv.errorsText()).toBe(true)
    const event = parseEvent(example)
    expect(isKnown(event)).toBe(true)
    expect(event.type).toBe(type.name)
    expect(event).toEqual(examples[type.name]) // what customers test their receivers with
  },
)

test.each(producersyncTypes)('the schema of $name refuses a body without its data', (type) => {
  const [example] = type.schema.examples
  for (const field of Object.keys(example?.data ?? {})) {
    expect(ajv.validate(type.schema, { ...example, data: { ...example?.data, [field]: undefined } })).toBe(false)
    expect(ajv.validate(type.schema, { ...example, data: { ...example?.data, [field]: 7 } })).toBe(false)
  }
  expect(ajv.validate(type.schema, { ...example, type: 'producersync.other' })).toBe(false)
})

test('only data_ready waits to be named', () => {
  expect(producersyncTypes.filter((type) => type.optIn).map((type) => type.name)).toEqual([
    'producersync.npn.data_ready',
  ])
})
