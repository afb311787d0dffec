import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Packs what developers install, the command and the receiver package, as npm would publish them, and prints the two files.
 *
 * npm run -s packages -- [FOLDER]   default the folder for temporary files
 */

const PACKAGES = fileURLToPath(new URL('..', import.meta.url))
const PUBLISHED = ['receiver', 'cli'] as const

function pack(name: string, target: string): string {
  const built = mkdtempSync(join(tmpdir(), 'psapi-build-'))
  try {
    execFileSync(process.execPath, [join(PACKAGES, name, 'build.ts'), built], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    const args = ['pack', built, '--pack-destination', target, '--json', '--loglevel', 'error']
    const [{ filename }]: [{ filename: string }] = JSON.parse(execFileSync('npm', args, { encoding: 'utf8' }))
    return join(target, filename)
  } finally {
    rmSync(built, { recursive: true, force: true })
  }
}

const target = resolve(process.argv[2] ?? tmpdir())
mkdirSync(target, { recursive: true })
for (const name of PUBLISHED) process.stdout.write(`${pack(name, target)}\n`)
