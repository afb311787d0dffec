import {
  type Description,
  type Operation,
  objectsOf,
  type Parameter,
  refName,
  type Schema,
  typeOf,
} from './api-schema.ts'
import type { Source } from './sources.ts'

const FOLDER = 'reference/api'
const METHODS = ['get', 'put', 'post', 'patch', 'delete'] as const

/** By what one wants to do; a tag that is in none of them stands in the last. */
const GROUPS: readonly { title: string; tags: readonly string[] }[] = [
  {
    title: 'Population and producers’ data',
    tags: [
      'token',
      'subscriptions',
      'settings',
      'entities',
      'licenses',
      'license-loas',
      'appointments',
      'addresses',
      'contact-infos',
      'other-names',
      'regulatory-actions',
      'regulatory-action-values',
      'runs',
      'sandbox',
    ],
  },
  {
    title: 'Webhooks, as the Svix SDKs call them',
    tags: [
      'endpoint',
      'event-type',
      'message',
      'message-attempt',
      'background-task',
      'application',
      'authentication',
      'statistics',
      'stats',
      'health',
    ],
  },
]
const MORE = 'What the portal and the command line use'

type Located = { method: string; path: string; operation: Operation }

/** The reference of the API, made of its description: a page for each tag, and one that lists all operations. */
export function apiPages(description: Description): Source[] {
  const byTag = new Map<string, Located[]>()
  for (const [path, item] of Object.entries(description.paths)) {
    for (const method of METHODS) {
      const operation = item[method]
      if (operation === undefined) continue
      const tag = operation.tags?.[0] ?? 'other'
      byTag.set(tag, [...(byTag.get(tag) ?? []), { method: method.toUpperCase(), path, operation }])
    }
  }
  const grouped = groupsOf([...byTag.keys()])
  return [
    sourceOf('README', indexPage(description, grouped, byTag), FOLDER),
    ...grouped.flatMap(({ tags }) =>
      tags.map((tag) => sourceOf(tag, tagPage(description, tag, byTag.get(tag) ?? []), `${FOLDER}/${tag}`)),
    ),
  ]
}

function sourceOf(name: string, markdown: string, path: string): Source {
  return { path, file: `docs/${FOLDER}/${name}.md`, markdown }
}

function groupsOf(tags: readonly string[]): { title: string; tags: string[] }[] {
  const placed = new Set(GROUPS.flatMap((group) => group.tags))
  return [
    ...GROUPS.map(({ title, tags: wanted }) => ({ title, tags: wanted.filter((tag) => tags.includes(tag)) })),
    { title: MORE, tags: tags.filter((tag) => !placed.has(tag)).toSorted() },
  ]
}

function indexPage(
  { info }: Description,
  groups: readonly { title: string; tags: readonly string[] }[],
  byTag: ReadonlyMap<string, readonly Located[]>,
): string {
  const count = [...byTag.values()].flat().length
  const lists = groups.map(({ title, tags }) => {
    const rows = tags.flatMap((tag) =>
      (byTag.get(tag) ?? []).map(
        ({ method, path, operation }) =>
          `| [${operation.summary}](${tag}.md#${anchorOf(operation)}) | \`${method} ${path}\` |\n`,
      ),
    )
    return `## ${title}\n\n| | |\n|---|---|\n${rows.join('')}`
  })
  return `# API operations

*For the developer who calls the API.* All ${count} operations of version ${info.version}, made from [openapi.json](../../../packages/server/openapi.json), which the service serves at \`/openapi.json\`. How to sign in, what errors look like, paging and idempotency: [Calling the API](../../guides/api.md).

${lists.join('\n')}`
}

function tagPage(description: Description, tag: string, operations: readonly Located[]): string {
  const shown = operations.map((located) => operationText(description, located))
  const names = objectsOf(
    description,
    operations.flatMap(({ operation }) => [bodySchema(operation), ...answers(operation).map(({ schema }) => schema)]),
  )
  const objects = names.map((name) => `### ${name}\n\n${fieldsText(description, name)}`)
  return `# ${titleOf(tag)}

*For the developer who calls the API.* ${operations.length === 1 ? 'One operation' : `${operations.length} operations`}; how to sign in, errors, paging and idempotency: [Calling the API](../../guides/api.md).

${shown.join('\n')}
${objects.length > 0 ? `## Objects\n\nReaders ignore fields that they do not know: more may come.\n\n${objects.join('\n')}` : ''}
Next: [all operations](README.md).
`
}

function titleOf(tag: string): string {
  const words = tag
    .replaceAll('-', ' ')
    .replace(/\bcli\b/, 'CLI')
    .replace(/\bloas\b/, 'LOAs')
  return `API: ${words}`
}

function anchorOf({ operationId }: Operation): string {
  return operationId
}

function operationText(description: Description, { method, path, operation }: Located): string {
  const { summary, description: more, parameters = [], security } = operation
  const access = operation['x-access']
  const who =
    security?.length === 0
      ? 'Open to all.'
      : access === undefined
        ? ''
        : `Needs \`${access}\` ([what that is](../../guides/api.md#who-may-do-what)).`
  const resolved = parameters.map((parameter) =>
    '$ref' in parameter ? description.components.parameters[refName(parameter.$ref)] : parameter,
  )
  const body = bodySchema(operation)
  const parts = [
    `<a id="${anchorOf(operation)}"></a>\n\n## ${summary}`,
    `\`\`\`http\n${method} ${path}\n\`\`\``,
    [more ?? '', who].filter((text) => text !== '').join(' '),
    parametersText(resolved.flatMap((parameter) => (parameter ? [parameter] : []))),
    body === undefined ? '' : `Body: ${typeOf(body)}`,
    answersText(operation),
  ]
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`
}

function parametersText(parameters: readonly Parameter[]): string {
  if (parameters.length === 0) return ''
  const rows = parameters.map(({ name, in: where, required, schema, description }) => {
    const says = cell(description ?? schema?.description ?? '')
    return `| \`${name}\` ${required ? '**required**' : ''} | ${where} | ${cell(typeOf(schema ?? {}))} | ${says} |\n`
  })
  return `| parameter | in | type | |\n|---|---|---|---|\n${rows.join('')}`
}

function answersText(operation: Operation): string {
  const good = answers(operation).map(
    ({ status, says, schema }) => `- **${status}** ${schema === undefined ? says : typeOf(schema)}\n`,
  )
  const refusals = Object.entries(operation.responses).flatMap(([status, { $ref }]) => {
    if ($ref === undefined) return []
    const codes = refName($ref).split('.').slice(2)
    return [codes.length > 0 ? `${status} ${codes.map((code) => `\`${code}\``).join(', ')}` : status]
  })
  return `Answers:\n\n${good.join('')}${refusals.length > 0 ? `- refused: ${refusals.join(' · ')}\n` : ''}`
}

function answers(operation: Operation): { status: string; says: string; schema: Schema | undefined }[] {
  return Object.entries(operation.responses).flatMap(([status, { $ref, description = '', content = {} }]) => {
    if ($ref !== undefined || !/^[23]/.test(status)) return []
    return [{ status, says: description, schema: Object.values(content)[0]?.schema }]
  })
}

function bodySchema({ requestBody }: Operation): Schema | undefined {
  return Object.values(requestBody?.content ?? {})[0]?.schema
}

function fieldsText(description: Description, name: string): string {
  const schema = description.components.schemas[name] ?? {}
  const rows = fieldRows(schema, '')
  const says = schema.description === undefined ? '' : `${schema.description}\n\n`
  if (rows.length === 0) return `${says}${typeOf(schema)}\n`
  return `${says}| field | type | |\n|---|---|---|\n${rows.join('')}`
}

/** Nested fields by their whole path; `[]` stands for each member of a list. */
function fieldRows(schema: Schema, prefix: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const path = `${prefix}${name}`
    const always = schema.required?.includes(name) === true
    const row = `| \`${path}\`${always ? '' : ' *optional*'} | ${cell(typeOf(field))} | ${cell(field.description ?? '')} |\n`
    const inner = field.properties ? fieldRows(field, `${path}.`) : []
    const members = field.items?.properties ? fieldRows(field.items, `${path}[].`) : []
    return [row, ...inner, ...members]
  })
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}
