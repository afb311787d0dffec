import { PRODUCERSYNC_SCHEMA_VERSION, producersyncTypes } from '../../packages/server/src/events/producersync-types.ts'

type Field = { type?: string; format?: string; pattern?: string; description?: string }

/** For each type: when it is sent, what its data says, an example, its schema. */
export function eventTypesText(): string {
  const parts = producersyncTypes.map(({ name, description, optIn, schema }) => {
    const fields = Object.entries(schema.properties.data.properties as Record<string, Field>).map(
      ([field, { type = '', format, description: says = '' }]) =>
        `| \`data.${field}\` | ${format === undefined ? type : `${type} (${format})`} | ${says} |\n`,
    )
    const example = JSON.stringify(schema.examples[0], null, 2)
    const chosen = optIn ? ' Only an endpoint that chooses this type by name gets it.' : ''
    return `## ${name}

${description}${chosen}

| field | type | |
|---|---|---|
${fields.join('')}
\`\`\`json
${example}
\`\`\`

Schema, version ${PRODUCERSYNC_SCHEMA_VERSION}: [${schemaFileOf(name)}](../schemas/${schemaFileOf(name)})
`
  })
  return `\n${parts.join('\n')}\n`
}

/** Rows of a table that has files and what they hold. */
export function schemaFilesTable(): string {
  return producersyncTypes
    .map(
      ({ name }) =>
        `| [${schemaFileOf(name)}](../schemas/${schemaFileOf(name)}) | JSON Schema 2020-12 of \`${name}\` |\n`,
    )
    .join('')
}

export function schemaFileOf(type: string): string {
  return `${type}.v${PRODUCERSYNC_SCHEMA_VERSION}.schema.json`
}
