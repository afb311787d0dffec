import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'
import { beforePaint } from './src/look/before-paint.ts'

/**
 * Two things that the page's head needs under their hashed names: the script that sets the theme before anything is drawn (a file
 * of its own, since the policy allows no inline script), and the fonts, asked for at once.
 */
function head(): Plugin {
  let themeScript = ''
  return {
    name: 'head',
    apply: 'build',
    generateBundle() {
      const source = `(${beforePaint.toString()})()`
      themeScript = this.getFileName(this.emitFile({ type: 'asset', name: 'theme.js', source }))
    },
    transformIndexHtml: {
      order: 'post',
      handler: (_html, { bundle = {} }) => [
        { tag: 'script', attrs: { src: `/portal/${themeScript}` }, injectTo: 'head-prepend' as const },
        ...Object.keys(bundle)
          .filter((file) => file.endsWith('.woff2'))
          .map((file) => ({
            tag: 'link',
            attrs: { rel: 'preload', as: 'font', type: 'font/woff2', href: `/portal/${file}`, crossorigin: '' },
            injectTo: 'head' as const,
          })),
      ],
    },
  }
}

/**
 * React Aria empties what it reads out by `innerHTML`, which the pages' policy forbids to everybody (`trusted-types 'none'`): the
 * first digit typed into a date would end the page.
 */
function announcerWithoutHtml(): Plugin {
  const written = ".innerHTML = ''"
  return {
    name: 'announcer-without-html',
    transform(code, id) {
      if (!/\/dist\/private\/live-announcer\/LiveAnnouncer\.[a-z]+$/.test(id)) return undefined
      if (!code.includes(written))
        this.error('React Aria empties its announcements in another way: is this still needed?')
      return { code: code.replaceAll(written, '.replaceChildren()'), map: null }
    },
  }
}

export default defineConfig({
  base: '/portal/',
  plugins: [react(), head(), announcerWithoutHtml()],
  // `npm run dev -w packages/portal`, beside a service started by `npm start`
  server: {
    proxy: Object.fromEntries(
      ['/api', '/v1', '/v2', '/portal/session'].map((path) => [path, { target: 'http://localhost:8080' }]),
    ),
  },
  build: {
    target: ['chrome123', 'edge123', 'firefox128', 'safari17.5'],
    // a data: URL of a script or font would be against the policy
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 900,
  },
})
