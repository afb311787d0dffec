import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Browser, chromium } from 'playwright-core'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
const FROM_NPM = '@sparticuz/chromium'

/** There is no browser; the message says how to get one. */
class BrowserMissing extends Error {
  constructor() {
    super(
      `No Chromium was found: CHROMIUM_PATH, Playwright's own, /usr/bin/chromium and the PATH have none. Install one
(apt-get install -y chromium, or npm install --no-save ${FROM_NPM}), or name one: CHROMIUM_PATH=/path/to/chromium`,
    )
    this.name = 'BrowserMissing'
  }
}

/** Starts Chromium. @throws BrowserMissing */
export async function launchChromium(): Promise<Browser> {
  const { executablePath, args } = await findChromium()
  return await chromium.launch({ executablePath, args: ['--disable-dev-shm-usage', ...args], timeout: 30_000 })
}

async function findChromium(): Promise<{ executablePath: string; args: string[] }> {
  const named = process.env.CHROMIUM_PATH
  if (named !== undefined && named !== '') {
    if (!existsSync(named)) throw new BrowserMissing()
    return { executablePath: named, args: [] }
  }
  const onPath = (process.env.PATH ?? '').split(delimiter).flatMap((folder) => NAMES.map((name) => join(folder, name)))
  const found = [chromium.executablePath(), '/usr/bin/chromium', ...onPath].find((path) => existsSync(path))
  return found === undefined ? await fromNpm() : { executablePath: found, args: [] }
}

/** A build for servers, where somebody has installed it: it is no dependency, since it has 65 MB and one platform. */
async function fromNpm(): Promise<{ executablePath: string; args: string[] }> {
  let file: string
  try {
    file = createRequire(import.meta.url).resolve(FROM_NPM)
  } catch {
    throw new BrowserMissing()
  }
  const { default: build }: { default: { args: string[]; executablePath: () => Promise<string> } } = await import(
    pathToFileURL(file).href
  )
  return { executablePath: await build.executablePath(), args: build.args }
}
