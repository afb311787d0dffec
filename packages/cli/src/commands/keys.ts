import type { Terminal } from '../terminal.ts'

const CTRL_C = '\u0003'

/** Calls what a key is for, while somebody sits at a terminal. @returns what ends it */
export function watchKeys({ stdin, stderr }: Terminal, keys: Readonly<Record<string, () => void>>): () => void {
  if (!stdin.isTTY || !stderr.isTTY) return () => {}
  const press = (key: Buffer) => {
    const text = key.toString()
    if (text === CTRL_C) return keys.q?.()
    if (Object.hasOwn(keys, text)) keys[text]?.()
  }
  stdin.setRawMode(true).on('data', press).resume()
  stderr.write('keys: r replay last, d details, o open in portal, p pause, q quit\n')
  return () => {
    stdin.off('data', press).setRawMode(false).pause()
  }
}
