import { chmodSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

/**
 * Makes the folder that is published: one JavaScript file with the receiver package in it, README and licence.
 *
 * node packages/cli/build.ts [FOLDER]   default packages/cli/dist; then: npm publish FOLDER
 */

const HERE = fileURLToPath(new URL('.', import.meta.url))
const INSIDE = '@producersync/webhooks'

type Manifest = { dependencies: Record<string, string> } & Record<string, unknown>

async function build(target: string): Promise<void> {
  rmSync(target, { recursive: true, force: true })
  const { private: _, ...manifest }: Manifest = JSON.parse(readFileSync(join(HERE, 'package.json'), 'utf8'))
  const { [INSIDE]: __, ...dependencies } = manifest.dependencies
  const bundle = await rolldown({
    input: join(HERE, 'src', 'main.ts'),
    platform: 'node',
    external: Object.keys(dependencies),
  })
  const program = join(target, 'bin', 'psapi.js')
  mkdirSync(join(target, 'bin'), { recursive: true })
  await bundle.write({ file: program, format: 'esm', banner: '#!/usr/bin/env node' })
  await bundle.close()
  chmodSync(program, 0o755)
  const published = { bin: { psapi: 'bin/psapi.js' }, engines: { node: '>=22' }, files: ['bin'] }
  const built = { ...manifest, ...published, dependencies, devDependencies: undefined, scripts: undefined }
  writeFileSync(join(target, 'package.json'), `${JSON.stringify(built, null, 2)}\n`)
  cpSync(join(HERE, 'README.md'), join(target, 'README.md'))
  cpSync(join(HERE, '..', '..', 'LICENSE'), join(target, 'LICENSE'))
}

await build(process.argv[2] ?? join(HERE, 'dist'))
