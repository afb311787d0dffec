const ASKS_MAX = 12
const ASK_MS = 500

/** Asks until there is an answer, for six seconds. @returns null when there was none */
export async function askUntil<Answer>(ask: () => Promise<Answer | undefined>): Promise<Answer | null> {
  for (let asked = 0; asked < ASKS_MAX; asked += 1) {
    await new Promise((resolve) => setTimeout(resolve, ASK_MS))
    const answer = await ask()
    if (answer !== undefined) return answer
  }
  return null
}
