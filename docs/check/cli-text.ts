import { createProgram } from '../../packages/cli/src/program.ts'

const WIDTH = 88

export type Command = ReturnType<typeof createProgram>

/** The command with all its commands, as the command line has it. */
export function psapiProgram(): Command {
  const { stdin, stdout, stderr } = process
  return createProgram({ stdin, stdout, stderr, env: {}, cwd: '/' }, '')
}

/** A heading for each command of one level, and the help of each that does something. */
export function cliText(): string {
  const program = psapiProgram()
  const parts = [`\n\`\`\`text\n${helpOf(program)}\n\`\`\`\n`]
  for (const command of shown(program)) {
    parts.push(`\n## psapi ${command.name()}\n`)
    const inner = shown(command)
    if (inner.length === 0) parts.push(`\n\`\`\`text\n${helpOf(command)}\n\`\`\`\n`)
    else parts.push(`\n${command.description()}\n`)
    for (const one of inner)
      parts.push(`\n### psapi ${command.name()} ${one.name()}\n\n\`\`\`text\n${helpOf(one)}\n\`\`\`\n`)
  }
  return `${parts.join('')}\n`
}

/** Commands for people: one for completion is hidden, and `help` is of commander's own. */
function shown(command: Command): readonly Command[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .filter((one) => one.name() !== 'help')
}

function helpOf(command: Command): string {
  let text = ''
  command.configureOutput({
    writeOut: (part) => {
      text += part
    },
    getOutHelpWidth: () => WIDTH,
    getOutHasColors: () => false,
  })
  command.outputHelp()
  return text.trim()
}
