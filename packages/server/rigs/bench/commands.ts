/** What a child process can be asked: by name, one argument, one answer. */
// biome-ignore lint/suspicious/noExplicitAny: any commands; each child's own type says which
export type Commands = Record<string, (argument: any) => unknown>

export type Asked = { number: number; name: string; argument: unknown }
export type Answered = { number: number; answer?: unknown; error?: string }
/** Sent without being asked. */
export type Told = { progress: number }

/** In a child: answers what its parent asks, and ends with it. */
export function answer(commands: Commands): void {
  process.on('message', (message) => {
    const { number, name, argument } = message as Asked
    void run(commands, name, argument).then((outcome) => send({ number, ...outcome }))
  })
  process.on('disconnect', () => process.exit(0))
}

/** In a child: tells its parent how far it has come. */
export function tell(told: Told): void {
  send(told)
}

async function run(commands: Commands, name: string, argument: unknown): Promise<Omit<Answered, 'number'>> {
  try {
    return { answer: await commands[name]?.(argument) }
  } catch (error) {
    return { error: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
}

function send(message: Answered | Told): void {
  if (process.connected) process.send?.(message)
}
