import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const START_MS_MAX = 60_000
const STOP_MS_MAX = 10_000

export type SimulatorProcess = {
  /** Base of the alert service, of the detail reports and of the control calls. */
  url: string
  /** For `SimulatorControl`; another one after every start. */
  controlToken: string
  /** Settled when the process has ended, however it did. A new one knows no feeds and no targets. */
  exited: Promise<void>
  stop(): Promise<void>
}

class SimulatorFailed extends Error {
  constructor(reason: string) {
    super(`the simulator does not start: ${reason}`)
    this.name = 'SimulatorFailed'
  }
}

/**
 * Starts a simulator as a process of its own, on a free loopback port. It ends with this process, however that ends: it
 * reads from a pipe that this process holds open. @throws SimulatorFailed
 */
export async function startSimulator(): Promise<SimulatorProcess> {
  const controlToken = randomBytes(32).toString('base64url')
  const main = fileURLToPath(new URL('main.ts', import.meta.url))
  const child = spawn(process.execPath, [main], { stdio: ['pipe', 'pipe', 'inherit'], env: {} })
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  })
  // a pipe whose other end has gone: `exited` tells that
  child.stdin.on('error', () => {})
  // by the pipe, not by an argument: those are for all to see
  child.stdin.write(`${controlToken}\n`)
  const stop = () => stopProcess(child, exited)
  const late = AbortSignal.timeout(START_MS_MAX)
  try {
    const [url] = await Promise.race([
      once(createInterface(child.stdout), 'line', { signal: late }),
      exited.then(() => Promise.reject(new SimulatorFailed('it has ended'))),
    ])
    return { url: String(url), controlToken, exited, stop }
  } catch (error) {
    await stop()
    throw late.aborted ? new SimulatorFailed('it takes too long') : error
  }
}

async function stopProcess(child: ChildProcess, exited: Promise<void>): Promise<void> {
  child.stdin?.end()
  const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX)
  await exited
  clearTimeout(late)
}
