/** Who can have done something; `link`: somebody who came by a link that names nobody. */
export const ACTOR_KINDS = ['person', 'link', 'key', 'client', 'token', 'staff', 'command_line', 'service'] as const
export type ActorKind = (typeof ACTOR_KINDS)[number]
