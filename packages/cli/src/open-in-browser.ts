import { spawn } from 'node:child_process'
import type { Terminal } from './terminal.ts'

const openers: Partial<Record<NodeJS.Platform, [command: string, ...args: string[]]>> = {
  darwin: ['open'],
  win32: ['cmd', '/c', 'start', ''],
}

/** Prints an address, and on a terminal opens it too. */
export function openInBrowser({ stdout, stderr }: Terminal, url: string): void {
  stdout.write(`${url}\n`)
  if (!stdout.isTTY || !stderr.isTTY) return
  const [command, ...args] = openers[process.platform] ?? ['xdg-open']
  spawn(command, [...args, url], { stdio: 'ignore', detached: true })
    .on('error', () => {}) // there is no browser; the address stands there
    .unref()
}
