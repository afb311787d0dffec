/** One thing the page asks for: lines to type into a terminal, or lines that are to be seen. */
export type Step =
  | { kind: 'type'; terminal: number; lines: string[] }
  /** In this order, though not side by side; `…` stands for anything. */
  | { kind: 'see'; lines: string[] }

const TERMINALS: Readonly<Record<string, number>> = { second: 2, third: 3 }

/**
 * The steps of a page: its blocks of `sh` and of `text`. What is typed goes to the terminal that the page has gone to last: "In a
 * second terminal", "Back in the second terminal".
 */
export function stepsOf(page: string): Step[] {
  const steps: Step[] = []
  let terminal = 1
  for (const [, words = '', language, block = ''] of page.matchAll(/(.*?)^```(\w+)\n(.*?)^```$/gms)) {
    for (const [, ordinal = ''] of words.matchAll(/(?:In a|Back in the) (second|third) terminal/g))
      terminal = TERMINALS[ordinal] ?? terminal
    const lines = block.trimEnd().split('\n')
    if (language === 'sh') steps.push({ kind: 'type', terminal, lines })
    if (language === 'text') steps.push({ kind: 'see', lines })
  }
  return steps
}

/** Finds a line as the page has it. */
export function patternOf(line: string): RegExp {
  const parts = line.trim().split('…')
  return new RegExp(parts.map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('[^\\n]+?'), 'm')
}
