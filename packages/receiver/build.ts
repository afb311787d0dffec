import { spawnSync } from 'node:child_process'
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Makes the folder that is published: JavaScript as ES modules and as CommonJS, types for both, README, licence and vectors.
 * Here in the repository the package runs from its sources, which Node would not do inside node_modules.
 *
 * node packages/receiver/build.ts [FOLDER]   default packages/receiver/dist; then: npm publish FOLDER
 */

const HERE = fileURLToPath(new URL('.', import.meta.url))
const ROOT = join(HERE, '..', '..')
const FORMATS = [
  { folder: 'esm', type: 'module', condition: 'import', options: ['--module', 'nodenext'] },
  {
    folder: 'cjs',
    type: 'commonjs',
    condition: 'require',
    options: ['--module', 'commonjs', '--moduleResolution', 'bundler', '--verbatimModuleSyntax', 'false'],
  },
]

type Manifest = { name: string; version: string; exports: Record<string, string> } & Record<string, unknown>

function build(target: string): void {
  rmSync(target, { recursive: true, force: true })
  const { private: _, ...manifest }: Manifest = JSON.parse(readFileSync(join(HERE, 'package.json'), 'utf8'))
  for (const { folder, type, options } of FORMATS) {
    compile(join(target, folder), options)
    writeJson(join(target, folder, 'package.json'), { type })
  }
  writeJson(join(target, 'package.json'), { ...manifest, ...published, exports: exportsOf(manifest.exports) })
  cpSync(join(HERE, 'README.md'), join(target, 'README.md'))
  cpSync(join(HERE, 'vectors.json'), join(target, 'vectors.json'))
  cpSync(join(ROOT, 'LICENSE'), join(target, 'LICENSE'))
}

const published = {
  sideEffects: false,
  engines: { node: '>=20' },
  files: ['esm', 'cjs', 'vectors.json'],
  keywords: ['producersync', 'webhooks', 'standard-webhooks', 'verify', 'signature'],
  dependencies: undefined,
  devDependencies: undefined,
  scripts: undefined,
}

function compile(outDir: string, options: string[]): void {
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')
  const args = [tsc, '--project', join(HERE, 'tsconfig.build.json'), '--outDir', outDir, ...options]
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' })
  if (status !== 0) throw new Error(`tsc ended with ${status}.`)
  for (const file of globSync('**/*.d.ts', { cwd: outDir })) {
    const path = join(outDir, file) // tsc has the imports of the code end in .js, those of the types not
    writeFileSync(path, readFileSync(path, 'utf8').replaceAll(/(from '[.][^']+)[.]ts'/g, "$1.js'"))
  }
}

/** `./src/adapters/hono.ts` becomes `./esm/adapters/hono.js` for import, `./cjs/adapters/hono.js` for require; types beside each. */
function exportsOf(sources: Record<string, string>): Record<string, unknown> {
  const entries: Record<string, unknown> = {}
  for (const [name, source] of Object.entries(sources)) {
    const conditions: Record<string, unknown> = {}
    for (const { condition, folder } of FORMATS) {
      const file = source.replace('./src/', `./${folder}/`).replace(/[.]ts$/, '')
      conditions[condition] = { types: `${file}.d.ts`, default: `${file}.js` }
    }
    entries[name] = conditions
  }
  return { ...entries, './vectors.json': './vectors.json', './package.json': './package.json' }
}

function writeJson(path: string, value: unknown): void {
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`)
}

build(process.argv[2] ?? join(HERE, 'dist'))
