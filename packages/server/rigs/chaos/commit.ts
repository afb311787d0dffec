import { execFileSync } from 'node:child_process'

/** The commit that the rig runs; `unknown` where there is no git. */
export function commitOf(): string {
  try {
    const cwd = import.meta.dirname
    return execFileSync('git', ['rev-parse', 'HEAD'], {
      cwd,
      stdio: ['ignore', 'pipe', 'ignore'],
      encoding: 'utf8',
    }).trim()
  } catch {
    return 'unknown'
  }
}
