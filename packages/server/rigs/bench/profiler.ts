import { writeFileSync } from 'node:fs'

const SAMPLE_US = 500

/** Profiles a process that was started with an inspector, from now until `stop`, which writes the profile. */
export async function startProfile(inspectorUrl: string, path: string): Promise<{ stop: () => Promise<void> }> {
  const inspector = await Inspector.connect(inspectorUrl)
  await inspector.call('Profiler.enable')
  await inspector.call('Profiler.setSamplingInterval', { interval: SAMPLE_US })
  await inspector.call('Profiler.start')
  return {
    stop: async () => {
      const { profile } = await inspector.call('Profiler.stop')
      writeFileSync(path, JSON.stringify(profile))
      inspector.close()
    },
  }
}

type Waiting = PromiseWithResolvers<Record<string, unknown>>

class Inspector {
  readonly #socket: WebSocket
  readonly #waiting = new Map<number, Waiting>()
  #asked = 0

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => {
      const { id, result = {} } = JSON.parse(String(data)) as { id?: number; result?: Record<string, unknown> }
      if (id !== undefined) this.#waiting.get(id)?.resolve(result)
    })
  }

  static async connect(url: string): Promise<Inspector> {
    const socket = new WebSocket(url)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    socket.addEventListener('open', () => resolve())
    socket.addEventListener('error', () => reject(new Error('the inspector cannot be reached')))
    await promise
    return new Inspector(socket)
  }

  async call(method: string, params: object = {}): Promise<Record<string, unknown>> {
    this.#asked += 1
    const waiting: Waiting = Promise.withResolvers()
    this.#waiting.set(this.#asked, waiting)
    this.#socket.send(JSON.stringify({ id: this.#asked, method, params }))
    return await waiting.promise
  }

  close(): void {
    this.#socket.close()
  }
}
