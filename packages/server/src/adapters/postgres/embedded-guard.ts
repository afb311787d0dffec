import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import type { ServerUser } from './embedded-files.ts'

/** The guard's exit code when another one has the data. */
export const lockTaken = 77

// Stops the server when the pipe from this process closes, however this process ends. The file lock is a second one, for what the
// first cannot see: a container on the same volume, children of a killed server. With it held no server has the data, and files
// that name one are of a dead one: PostgreSQL would take it for alive when its number is used again, or when nobody has waited for
// it (a container without init). Where there is no flock(1), PostgreSQL's own pid file must do. What the server left to the kernel to
// write, pages that its tables grew by, is written every second: in one go after half a minute it keeps commits waiting. `sync -f`
// and not `fdatasync` of the files, which would take notice of a failed write in the place of the server.
const guard = `exec 3<&0
if command -v flock >/dev/null; then
  exec 9>>lock; flock -n 9 || exit ${lockTaken}
  rm -f "$LEFT_PID_FILE" "$LEFT_SOCKET_LOCK"
fi
"$@" </dev/null 3<&- & p=$!
( read -r _ <&3; kill -INT $p ) & r=$!
if [ -n "$WRITTEN_EVERY_S" ]; then
  ( while sleep "$WRITTEN_EVERY_S" && kill -0 $p && sync -f cluster; do :; done ) >/dev/null 2>&1 3<&- 9>&- & r="$r $!"
fi
wait $p; s=$?; kill $r 2>/dev/null; exit $s`

type Child = ChildProcessByStdio<Writable, null, Readable>

/** One run of the server, from its start to its exit. */
export type Run = { child: Child; exited: Promise<string>; ended: boolean; lastWords: string[] }

/**
 * Starts a program of PostgreSQL that ends with this process.
 * @param onLine     gets each line it says of itself
 * @param variables  of the guard: files left by a dead server, and how often to have written what the server leaves to the kernel
 */
export function startGuarded(
  program: string,
  args: string[],
  cwd: string,
  user: ServerUser,
  onLine: (line: string) => void,
  variables: Record<string, string> = {},
): Run {
  const child = spawn('/bin/sh', ['-c', guard, 'guard', program, ...args], {
    ...user,
    cwd,
    // a terminal's Ctrl-C is for the service, which needs its database while it drains
    detached: true,
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC', ...variables },
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  const lastWords: string[] = []
  child.stdin.on('error', () => {}) // its exit says more
  createInterface(child.stderr).on('line', (line) => {
    lastWords.push(line)
    if (lastWords.length > 20) lastWords.shift()
    if (!line.includes('the database system is starting up')) onLine(line) // our own asking whether it is ready
  })
  const { promise, resolve } = Promise.withResolvers<string>()
  const run: Run = { child, exited: promise, ended: false, lastWords }
  const end = (how: string) => {
    run.ended = true
    child.stdin.destroy()
    resolve(how)
  }
  child.on('error', (error) => end(error.message))
  child.on('close', (code, signal) => end(signal ?? `exit ${code}`))
  return run
}
