import type { Command } from 'commander'
import { isJson, type Json } from '../api.ts'
import { EXIT, Failure } from '../failure.ts'
import { anywhere, examples } from '../frame.ts'
import { type ListFlags, printList, printObject, withListFlags } from '../session.ts'
import type { Terminal } from '../terminal.ts'
import { typeOf } from '../typescript.ts'

const TYPES_MAX = 10_000

export function addCatalog(program: Command, terminal: Terminal): void {
  const catalog = program.command('catalog').description('event types')

  withListFlags(catalog.command('list').description('all event types, by name'))
    .addHelpText('after', examples('catalog list', 'catalog list --json'))
    .action(
      anywhere(terminal, async (session, flags: ListFlags) => {
        await printList(session, '/api/v1/event-type', {}, flags, [
          ['name', 'name'],
          ['group', 'groupName'],
          ['description', 'description'],
        ])
      }),
    )

  catalog
    .command('get <type>')
    .description('one event type, with its schemas and examples')
    .addHelpText(
      'after',
      examples('catalog get producersync.npn.activated', 'catalog get producersync.npn.activated --json'),
    )
    .action(
      anywhere(terminal, async (session, name: string) => {
        printObject(session, await session.api.object('GET', `/api/v1/event-type/${encodeURIComponent(name)}`))
      }),
    )

  catalog
    .command('types [type]')
    .description('TypeScript types of all event types that have a schema, or of one')
    .addHelpText('after', examples('catalog types > events.ts', 'catalog types producersync.npn.activated'))
    .action(
      anywhere(terminal, async ({ api }, name: string | undefined) => {
        const found: Json[] = []
        if (name !== undefined) found.push(await api.object('GET', `/api/v1/event-type/${encodeURIComponent(name)}`))
        else
          for await (const type of api.rows('/api/v1/event-type', { with_content: true }, TYPES_MAX)) found.push(type)
        const declarations = found.flatMap((type) => declarationOf(type) ?? [])
        if (declarations.length === 0) {
          throw new Failure('There is no schema to make types of.', { exit: EXIT.notFound, code: 'no_schema' })
        }
        terminal.stdout.write(declarations.join('\n'))
      }),
    )
}

/** The type of the latest version's body. */
function declarationOf({ name, description, schemas }: Json): string | undefined {
  if (!isJson(schemas)) return undefined
  const [latest] = Object.keys(schemas).sort((a, b) => Number(b) - Number(a))
  const schema = latest === undefined ? undefined : schemas[latest]
  if (!isJson(schema)) return undefined
  const identifier = String(name)
    .split(/[^A-Za-z0-9]+/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('')
  const comment = String(description).replaceAll('*/', '*\\/').replaceAll(/\s+/g, ' ')
  return `/** ${comment} */\nexport type ${identifier.replace(/^(?=\d)/, '_')} = ${typeOf(schema)}\n`
}
