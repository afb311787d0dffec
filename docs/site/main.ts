import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { gzipSync } from 'node:zlib'
import { makeSite } from './site.ts'
import { ROOT } from './sources.ts'

const HELP = `Usage: npm run build -w docs [-- --out FOLDER]
Makes the documentation site: files for any host of static ones, under any path. Default FOLDER: docs/dist/site
`
/** Hosts of static files that know how send these compressed. */
const TEXT = /[.](html|md|css|js|json|svg|txt)$/

const { values } = parseArgs({ options: { out: { type: 'string' }, help: { type: 'boolean', default: false } } })
if (values.help) process.stdout.write(HELP)
else {
  const out = values.out ?? join(ROOT, 'docs/dist/site')
  const { files } = await makeSite()
  for (const { path, bytes } of files) {
    const file = join(out, path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, bytes)
    if (TEXT.test(path)) await writeFile(`${file}.gz`, gzipSync(bytes, { level: 9 }))
  }
  process.stdout.write(`${out}\n`)
}
