import type { Command } from 'commander'
import { expect, test } from 'vitest'
import { leavesOf } from '../test/psapi.ts'
import { createProgram } from './program.ts'

const { stdin, stdout, stderr } = process
const leaves = leavesOf(createProgram({ stdin, stdout, stderr, env: {}, cwd: '/' }, '1.2.3'))

test('there are the commands that the API carries, and none that it does not', () => {
  expect(
    leaves.map(({ path }) => path).filter((path) => /^(init|listen|tail|login|events|replay|config|open)/.test(path)),
  ).toEqual([
    'init',
    'login',
    'config show',
    'config set',
    'config path',
    'listen',
    'tail',
    'events list',
    'events get',
    'events replay',
    'replay preview',
    'replay start',
    'replay list',
    'replay status',
    'replay pause',
    'replay resume',
    'replay cancel',
    'open',
  ])
})

test.each(leaves)(
  '$path says what it does, with two examples of its own, whose flags it knows',
  ({ path, command }) => {
    let help = ''
    command.configureOutput({
      writeOut: (text) => {
        help += text
      },
    })
    command.outputHelp()
    expect(command.description()).not.toBe('')
    const examples = [...help.matchAll(/^ {2}psapi (.*)$/gm)].map(([, line = '']) => line)
    const [first = ''] = path.split(' ')
    expect(
      examples.filter((line) => line.startsWith(`${first} `) || line === first || line.startsWith('population')),
    ).toHaveLength(2)
    const known = [...command.options, ...(command.parent?.options ?? []), ...rootOf(command).options].map(
      ({ long }) => long,
    )
    for (const line of examples) {
      const [own = ''] = line.split(/[|<>]/) // what the shell does with it is not ours
      for (const [flag] of own.matchAll(/--[a-z-]+/g)) expect(known).toContain(flag)
    }
  },
)

function rootOf(command: Command): Command {
  return command.parent ? rootOf(command.parent) : command
}
