import type { Command } from 'commander'
import { usageFailure } from '../failure.ts'
import { examples } from '../frame.ts'
import type { Terminal } from '../terminal.ts'

export function addCompletion(program: Command, terminal: Terminal): void {
  program
    .command('completion <shell>')
    .description('a script for bash, zsh or fish that completes commands and flags')
    .addHelpText(
      'after',
      examples('completion bash >> ~/.bashrc', 'completion fish > ~/.config/fish/completions/psapi.fish'),
    )
    .action((shell: string) => {
      const write = Object.hasOwn(scripts, shell) ? scripts[shell] : undefined
      if (!write)
        throw usageFailure(`${shell} is not a shell this knows.`, `One of ${Object.keys(scripts).join(', ')}.`)
      terminal.stdout.write(write(wordsOf(program, '')))
    })
}

/** What may follow each command: its subcommands, and its flags. The key is the words before, such as `endpoints create`. */
type Words = Map<string, string[]>

function wordsOf(command: Command, before: string): Words {
  const words: Words = new Map()
  const flags = command.options.flatMap(({ long }) => long ?? [])
  words.set(before, [...command.commands.map((one) => one.name()), ...flags, '--help'])
  for (const one of command.commands) {
    for (const [key, value] of wordsOf(one, `${before} ${one.name()}`.trim())) words.set(key, value)
  }
  return words
}

const scripts: Record<string, (words: Words) => string> = {
  bash: (words) => `# psapi completion bash
_psapi() {
  local i path=""
  for ((i = 1; i < COMP_CWORD; i++)); do
    [[ \${COMP_WORDS[i]} == -* ]] || path="\${path:+$path }\${COMP_WORDS[i]}"
  done
  local words=""
  case "$path" in
${cases(words)}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _psapi psapi
`,
  zsh: (words) => `#compdef psapi
_psapi() {
  local i path=""
  for ((i = 2; i < CURRENT; i++)); do
    [[ \${words[i]} == -* ]] || path="\${path:+$path }\${words[i]}"
  done
  local words=""
  case "$path" in
${cases(words)}
  esac
  compadd -- \${=words}
}
compdef _psapi psapi
`,
  fish: (words) => {
    const lines = [...words].flatMap(([path, following]) => {
      const seen =
        path === ''
          ? '__fish_use_subcommand'
          : path
              .split(' ')
              .map((word) => `__fish_seen_subcommand_from ${word}`)
              .join('; and ')
      return following.map((word) =>
        word.startsWith('--')
          ? `complete -c psapi -f -n '${path === '' ? 'true' : seen}' -l ${word.slice(2)}`
          : `complete -c psapi -f -n '${seen}' -a ${word}`,
      )
    })
    return `# psapi completion fish\n${lines.join('\n')}\n`
  },
}

function cases(words: Words): string {
  return [...words]
    .map(([path, following]) => `    "${path}"*) words="${following.join(' ')}" ;;`)
    .reverse()
    .join('\n')
}
