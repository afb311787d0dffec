import { readFileSync } from 'node:fs'

/** The text of a small file that may not be there, as those of `/proc` where there is none. */
export function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
