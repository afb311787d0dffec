import type { Command } from 'commander'
import { usageFailure } from '../failure.ts'
import { examples } from '../frame.ts'
import type { Terminal } from '../terminal.ts'
import { isIdKind } from './complete-ids.ts'

export function addCompletion(program: Command, terminal: Terminal): void {
  program
    .command('completion <shell>')
    .description('a script for bash, zsh, fish or powershell that completes commands, flags and ids')
    .addHelpText(
      'after',
      examples('completion bash >> ~/.bashrc', 'completion fish > ~/.config/fish/completions/psapi.fish'),
    )
    .action((shell: string) => {
      const write = Object.hasOwn(scripts, shell) ? scripts[shell] : undefined
      if (!write)
        throw usageFailure(`${shell} is not a shell this knows.`, `One of ${Object.keys(scripts).join(', ')}.`)
      terminal.stdout.write(write(wordsOf(program, ''), flagsWithIds(program)))
    })
}

/** What may follow each command: its subcommands, its flags, and what its argument names. The key is the words before, `endpoints create`. */
type Words = Map<string, { following: string[]; argument: string | undefined }>

/** What a shell asks for ids; it is silent when there is no answer. */
const ASK = 'psapi complete-ids'

function wordsOf(command: Command, before: string): Words {
  const words: Words = new Map()
  const flags = command.options.flatMap(({ long }) => long ?? [])
  const shown = command.commands.filter((one) => !isHidden(one))
  const argument = command.registeredArguments.map((one) => one.name()).find(isIdKind)
  words.set(before, { following: [...shown.map((one) => one.name()), ...flags, '--help'], argument })
  for (const one of shown) {
    for (const [key, value] of wordsOf(one, `${before} ${one.name()}`.trim())) words.set(key, value)
  }
  return words
}

function isHidden(command: Command): boolean {
  return command.name() === ASK.split(' ')[1]
}

/** Flags whose values are ids: `--endpoint` → `endpoint`. */
function flagsWithIds(command: Command): Map<string, string> {
  const own = command.options.flatMap(({ long, flags }) => {
    const [, value = ''] = /[<[](\w+)/.exec(flags) ?? []
    return long && isIdKind(value) ? [[long, value] as const] : []
  })
  return new Map([...own, ...command.commands.flatMap((one) => [...flagsWithIds(one)])])
}

type Script = (words: Words, flags: ReadonlyMap<string, string>) => string

const scripts: Record<string, Script> = {
  bash: (words, flags) => `# psapi completion bash
_psapi() {
  local i path="" words="" ids="" current="\${COMP_WORDS[COMP_CWORD]}"
  for ((i = 1; i < COMP_CWORD; i++)); do
    [[ \${COMP_WORDS[i]} == -* ]] || path="\${path:+$path }\${COMP_WORDS[i]}"
  done
  case "$path" in
${cases(words)}
  esac
  case "\${COMP_WORDS[COMP_CWORD-1]}" in
${valueCases(flags)}
  esac
  [[ -n $ids && $current != -* ]] && words="$words $(${ASK} "$ids" 2>/dev/null)"
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _psapi psapi
`,
  zsh: (words, flags) => `#compdef psapi
_psapi() {
  local i following="" ids="" place=""
  for ((i = 2; i < CURRENT; i++)); do
    [[ \${words[i]} == -* ]] || place="\${place:+$place }\${words[i]}"
  done
  case "$place" in
${cases(words, 'following')}
  esac
  case "\${words[CURRENT-1]}" in
${valueCases(flags)}
  esac
  [[ -n $ids && \${words[CURRENT]} != -* ]] && following="$following $(${ASK} "$ids" 2>/dev/null)"
  compadd -- \${=following}
}
compdef _psapi psapi
`,
  fish: (words, flags) => {
    const lines = [...words].flatMap(([path, { following, argument }]) => {
      const when = `complete -c psapi -f -n '${fishCondition(path, following)}'`
      const own = following.map((word) => {
        const kind = flags.get(word)
        if (kind !== undefined) return `${when} -r -l ${word.slice(2)} -a '(${ASK} ${kind} 2>/dev/null)'`
        return word.startsWith('--') ? `${when} -l ${word.slice(2)}` : `${when} -a ${word}`
      })
      return argument === undefined ? own : [...own, `${when} -a '(${ASK} ${argument} 2>/dev/null)'`]
    })
    return `# psapi completion fish\n${lines.join('\n')}\n`
  },
  powershell: (words, flags) => `# psapi completion powershell
Register-ArgumentCompleter -Native -CommandName psapi -ScriptBlock {
  param($word, $ast, $position)
  $given = @($ast.CommandElements | Select-Object -Skip 1 | ForEach-Object { "$_" })
  if ($word -ne '') { $given = @($given | Select-Object -SkipLast 1) }
  $path = @($given | Where-Object { $_ -notlike '-*' }) -join ' '
  $ids = ''
  $following = @()
  switch -Wildcard ($path) {
${[...words]
  .reverse()
  .map(([path, { following, argument = '' }]) => {
    const all = following.map((word) => `'${word}'`).join(', ')
    return `    '${path}*' { $following = @(${all}); $ids = '${argument}'; break }`
  })
  .join('\n')}
  }
  switch ($given | Select-Object -Last 1) {
${[...flags].map(([flag, kind]) => `    '${flag}' { $ids = '${kind}' }`).join('\n')}
  }
  if ($ids -ne '' -and $word -notlike '-*') { $following += @(${ASK} $ids 2>$null) }
  $following | Where-Object { $_ -like "$word*" } | ForEach-Object { [System.Management.Automation.CompletionResult]::new($_) }
}
`,
}

/** After these words, and before any that may follow them as a command. */
function fishCondition(path: string, following: readonly string[]): string {
  const seen = path === '' ? [] : path.split(' ').map((word) => `__fish_seen_subcommand_from ${word}`)
  const commands = following.filter((word) => !word.startsWith('--'))
  const unseen = commands.length === 0 ? [] : [`not __fish_seen_subcommand_from ${commands.join(' ')}`]
  return [...seen, ...unseen].join('; and ') || 'true'
}

function cases(words: Words, into = 'words'): string {
  return [...words]
    .map(
      ([path, { following, argument = '' }]) => `    "${path}"*) ${into}="${following.join(' ')}" ids="${argument}" ;;`,
    )
    .reverse()
    .join('\n')
}

function valueCases(flags: ReadonlyMap<string, string>): string {
  return [...flags].map(([flag, kind]) => `    ${flag}) ids="${kind}" ;;`).join('\n')
}
