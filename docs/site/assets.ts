import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { build, type Rolldown } from 'vite'
import { beforePaint } from '../../packages/portal/src/look/before-paint.ts'
import type { Assets } from './frame.ts'
import { ROOT } from './sources.ts'

export type SiteFile = { path: string; bytes: string | Uint8Array }

/** Style, fonts and script of all pages: the portal's colours and letters, and what pages do in the browser. */
export async function bundleAssets(): Promise<{ assets: Assets; files: SiteFile[] }> {
  const built = await build({
    root: join(ROOT, 'docs/site/browser'),
    configFile: false,
    logLevel: 'error',
    base: './',
    build: {
      write: false,
      target: ['chrome123', 'edge123', 'firefox128', 'safari17.5'],
      assetsInlineLimit: 0,
      rolldownOptions: { input: join(ROOT, 'docs/site/browser/main.ts') },
    },
  })
  const { output } = [built].flat().find((one): one is Rolldown.RolldownOutput => 'output' in one) ?? { output: [] }
  const files = output.map(
    (file): SiteFile => ({
      path: file.fileName,
      bytes: file.type === 'chunk' ? file.code : file.source,
    }),
  )
  // it sets the theme before anything is drawn, so it is not a module
  files.push({ path: 'theme.js', bytes: `(${beforePaint.toString()})()\n` })
  files.push({ path: 'mark.svg', bytes: readFileSync(join(ROOT, 'packages/portal/src/look/mark.svg')) })
  const named = (end: string) => files.filter(({ path }) => path.endsWith(end)).map(({ path }) => path)
  const [style = ''] = named('.css')
  const script = output.find((file) => file.type === 'chunk' && file.isEntry)?.fileName ?? ''
  return { assets: { style, script, theme: 'theme.js', mark: 'mark.svg', fonts: named('.woff2') }, files }
}
