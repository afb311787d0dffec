import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { NotHere } from './not-here.ts'
import { HERE, type Tree } from './site.ts'

const MIGRATIONS = 'packages/server/src/adapters/postgres/migrations'
/** What a process needs beside packages that are installed. */
const NEEDED = ['package.json', 'packages/server', 'packages/receiver', 'packages/cli', 'packages/portal/package.json']
const COMMITS_MAX = 60
const OWN = '@producersync'

/**
 * Lays out the release before: the newest commit whose schema is an older one of the schema here, from the history of git.
 * @returns its tree, its commit and the migrations that it does not know
 * @throws NotHere: no history, or none that fits
 */
export function layOutFormer(folder: string): { tree: Tree; commit: string; unknown: string[] } {
  const { commit, unknown } = findFormer()
  const tree = join(folder, 'former')
  mkdirSync(tree)
  const archive = git(['archive', '--format=tar', commit, '--', ...NEEDED.filter((path) => isIn(commit, path))])
  execFileSync('tar', ['-x', '-C', tree], { input: archive })
  linkPackages(tree)
  return { tree, commit: commit.slice(0, 12), unknown }
}

function findFormer(): { commit: string; unknown: string[] } {
  const here = new Map(
    readdirSync(join(HERE, MIGRATIONS)).map((name) => [name, readFileSync(join(HERE, MIGRATIONS, name), 'utf8')]),
  )
  for (const commit of text(['log', `--max-count=${COMMITS_MAX}`, '--format=%H', '--', MIGRATIONS])) {
    const [parent] = text(['rev-parse', `${commit}^`])
    if (parent === undefined) continue
    const names = text(['ls-tree', '--name-only', `${parent}:${MIGRATIONS}`])
    const isOlder = names.length > 0 && names.length < here.size
    if (
      isOlder &&
      names.every((name) => here.get(name) === git(['show', `${parent}:${MIGRATIONS}/${name}`]).toString())
    )
      return { commit: parent, unknown: [...here.keys()].filter((name) => !names.includes(name)).toSorted() }
  }
  throw new NotHere('the history has no release before whose schema became this one')
}

/** The packages that are installed here, the workspaces among them being its own. */
function linkPackages(tree: Tree): void {
  const installed = join(HERE, 'node_modules')
  mkdirSync(join(tree, 'node_modules', OWN), { recursive: true })
  for (const name of readdirSync(installed)) {
    if (name !== OWN) symlinkSync(join(installed, name), join(tree, 'node_modules', name))
  }
  symlinkSync(join(tree, 'packages/receiver'), join(tree, 'node_modules', OWN, 'webhooks'))
  symlinkSync(join(HERE, 'packages/server/node_modules'), join(tree, 'packages/server/node_modules'))
}

function isIn(commit: string, path: string): boolean {
  return text(['ls-tree', '--name-only', commit, '--', path]).length > 0
}

function text(args: readonly string[]): string[] {
  return git(args)
    .toString()
    .split('\n')
    .filter((line) => line !== '')
}

function git(args: readonly string[]): Buffer {
  try {
    return execFileSync('git', args, { cwd: HERE, stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 256 * 2 ** 20 })
  } catch {
    throw new NotHere('there is no history of git with an earlier release')
  }
}
