import { actorOf, type Principal } from './principal.ts'

/** Who asks for something, as an attempt remembers it: what they are, and what they are called. */
export function requesterOf(principal: Principal): string {
  const { kind, name, id } = actorOf(principal)
  return `${kind} ${name || id}`
}
