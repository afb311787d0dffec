import { readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { ROOT } from '../site/sources.ts'
import { type Command, psapiProgram } from './cli-text.ts'

const CODE = /```[\s\S]*?```|`[^`\n]+`/g
const CALL = /(?<![\w@/.-])psapi(?: --)? ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?/g

/** Commands that pages name and `psapi` does not have. */
export function unknownCommands(files: readonly string[]): string[] {
  const program = psapiProgram()
  return files.flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(CODE)].flatMap(([code]) =>
      [...code.matchAll(CALL)].flatMap(([call, name = '', inner]) => {
        const command = named(program, name)
        const isThere = command && (command.commands.length === 0 || inner === undefined || named(command, inner))
        return isThere ? [] : [`${relative(ROOT, file)}: there is no command ${call}`]
      }),
    ),
  )
}

function named({ commands }: Command, name: string): Command | undefined {
  return commands.find((one) => one.name() === name || one.aliases().includes(name))
}
